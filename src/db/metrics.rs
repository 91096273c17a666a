//! Metrics of a store: durations and errors of its operations, statements, connections.

use std::time::Instant;

use metrics::{Counter, Histogram};

use super::Connections;
use crate::telemetry::registry::Registry;

/// The operations of one store.
#[derive(Clone)]
pub struct StoreMetrics {
    /// Operations that only read.
    pub read: OperationMetrics,
    /// Operations that may write.
    pub write: OperationMetrics,
}

impl StoreMetrics {
    /// Registers the metrics of the store with this name.
    pub fn new(registry: &Registry, store: &str) -> StoreMetrics {
        let operation = |kind| OperationMetrics::new(registry, store, kind);
        StoreMetrics { read: operation("read"), write: operation("write") }
    }
}

impl Default for StoreMetrics {
    /// Metrics that record nothing.
    fn default() -> StoreMetrics {
        StoreMetrics::new(&Registry::new(false), "")
    }
}

/// One kind of operation.
#[derive(Clone)]
pub struct OperationMetrics {
    seconds: Histogram,
    unreachable: Counter,
    failed: Counter,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It succeeded.
    Done,
    /// The store did not answer, or not in time.
    Unreachable,
    /// The store refused it.
    Failed,
}

impl OperationMetrics {
    fn new(registry: &Registry, store: &str, kind: &str) -> OperationMetrics {
        let errors = |cause: &str| {
            registry.counter(
                "countersign_store_errors_total",
                "Operations of a store that failed",
                &[("store", store), ("operation", kind), ("cause", cause)],
            )
        };
        OperationMetrics {
            seconds: registry.seconds(
                "countersign_store_operation_duration_seconds",
                "How long an operation of a store took, waiting for its turn included",
                &[("store", store), ("operation", kind)],
            ),
            unreachable: errors("unreachable"),
            failed: errors("failed"),
        }
    }

    /// Records an operation that began at this instant.
    pub fn ended(&self, begun: Instant, how: Ended) {
        self.seconds.record(begun.elapsed());
        match how {
            Ended::Done => (),
            Ended::Unreachable => self.unreachable.increment(1),
            Ended::Failed => self.failed.increment(1),
        }
    }
}

/// Sets how many statements or commands a store has been sent so far.
pub fn set_statements(registry: &Registry, store: &str, statements: u64) {
    let help = "Statements a database, or commands Redis, was asked";
    registry.counter("countersign_store_statements_total", help, &[("store", store)]).absolute(statements);
}

/// Sets how many connections the pools of a store hold.
pub fn set_connections(registry: &Registry, store: &str, pools: &[Connections]) {
    for Connections { pool, in_use, idle } in pools {
        for (state, count) in [("in_use", in_use), ("idle", idle)] {
            let labels = [("store", store), ("pool", pool), ("state", state)];
            let help = "Connections to the database";
            registry.gauge("countersign_database_connections", help, &labels).set(f64::from(*count));
        }
    }
}
