//! Metrics of the signing keys.

use time::{Duration, OffsetDateTime};

use super::key_set::Keys;
use crate::telemetry::registry::Registry;

impl Keys {
    /// Sets the age of each active key, the time until the next key takes over, and whether that key is public.
    pub fn observe(&self, registry: &Registry, now: OffsetDateTime) {
        let now = now.unix_timestamp();
        let span = |seconds: i64| Duration::seconds(seconds).as_seconds_f64();
        for key in self.outlook() {
            let gauge = |name, help, value| {
                registry.gauge(name, help, &[("alg", key.alg.name())]).set(value);
            };
            gauge(
                "countersign_signing_key_age_seconds",
                "How long the key that signs has been doing so",
                span(now - key.since),
            );
            gauge(
                "countersign_signing_key_next_seconds",
                "Until the next key takes over",
                span(key.next - now),
            );
            gauge(
                "countersign_signing_key_spare",
                "1 when the next key is public, so that it could take over in an emergency",
                f64::from(u8::from(key.has_spare)),
            );
        }
    }
}
