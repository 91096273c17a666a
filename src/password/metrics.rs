//! Metrics of the queue for password hashing.

use metrics::{Gauge, Histogram};

use crate::telemetry::registry::Registry;

/// The queue for password hashing.
#[derive(Clone)]
pub struct QueueMetrics {
    /// How many sign-ins wait or hash.
    pub(super) waiting: Gauge,
    /// How long they waited.
    pub(super) waited: Histogram,
    /// How long hashing took.
    pub(super) hashed: Histogram,
}

impl QueueMetrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> QueueMetrics {
        QueueMetrics {
            waiting: registry.gauge(
                "countersign_password_queue_length",
                "Sign-ins that wait for their turn to hash a password, or hash it",
                &[],
            ),
            waited: registry.seconds(
                "countersign_password_queue_wait_seconds",
                "How long a sign-in waited for its turn",
                &[],
            ),
            hashed: registry.seconds(
                "countersign_password_hash_duration_seconds",
                "How long hashing a password took",
                &[],
            ),
        }
    }
}

impl Default for QueueMetrics {
    /// Metrics that record nothing.
    fn default() -> QueueMetrics {
        QueueMetrics::new(&Registry::new(false))
    }
}
