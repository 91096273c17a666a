//! Metrics of the sweeper.

use metrics::{Counter, Gauge};
use time::OffsetDateTime;

use crate::telemetry::registry::{Registry, epoch_seconds};

/// The metrics of the sweeper.
pub(super) struct Sweeps {
    main: Counter,
    state: Counter,
    last: Gauge,
    failed: Counter,
}

impl Sweeps {
    pub(super) fn new(registry: &Registry) -> Sweeps {
        let rows = |store| {
            registry.counter(
                "countersign_swept_total",
                "Expired rows and values that were deleted",
                &[("store", store)],
            )
        };
        Sweeps {
            main: rows("main"),
            state: rows("state"),
            failed: registry.counter("countersign_sweep_failures_total", "Sweeps that failed", &[]),
            last: registry.gauge(
                "countersign_sweep_last_success_timestamp_seconds",
                "When the last sweep succeeded",
                &[],
            ),
        }
    }

    /// Counts what one step deleted.
    pub(super) fn swept(&self, values: usize, rows: usize, now: OffsetDateTime) {
        self.state.increment(values as u64);
        self.main.increment(rows as u64);
        self.last.set(epoch_seconds(now));
    }

    pub(super) fn failed(&self) {
        self.failed.increment(1);
    }
}
