//! Metrics of events that are written in batches.

use super::Tally;
use crate::telemetry::registry::Registry;

impl Tally {
    /// Sets how many events wait to be written, and how many were lost so far.
    pub fn observe(&self, registry: &Registry) {
        let help = "Events of sign-ins that wait to be written down";
        let waiting = f64::from(u32::try_from(self.waiting).unwrap_or(u32::MAX));
        registry.gauge("countersign_events_waiting", help, &[]).set(waiting);
        for (cause, lost) in [("full", self.full), ("store", self.refused)] {
            let help = "Events of sign-ins that were lost";
            registry.counter("countersign_events_lost_total", help, &[("cause", cause)]).absolute(lost);
        }
    }
}
