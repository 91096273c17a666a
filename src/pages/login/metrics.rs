//! Metrics of attempts to sign in.

use metrics::Counter;

use crate::protocol::event::Outcome;
use crate::state::limits::passwords::Counter as Limited;
use crate::telemetry::registry::Registry;

/// Attempts to sign in, by result.
pub struct SignIns {
    ok: Counter,
    wrong_password: Counter,
    unknown_name: Counter,
    disabled: Counter,
    throttled: Counter,
    unavailable: Counter,
    throttled_by: ThrottledBy,
}

/// Throttled attempts, by the limit that was exceeded.
struct ThrottledBy {
    network: Counter,
    account_and_network: Counter,
    account: Counter,
    device: Counter,
}

impl SignIns {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> SignIns {
        let counter = |result| {
            registry.counter("countersign_sign_ins_total", "Attempts to sign in", &[("result", result)])
        };
        let throttled_by = |counter| {
            registry.counter(
                "countersign_sign_ins_throttled_total",
                "Attempts to sign in that were turned away unread, by the counter over its limit",
                &[("counter", counter)],
            )
        };
        SignIns {
            ok: counter("ok"),
            wrong_password: counter("wrong_password"),
            unknown_name: counter("unknown_name"),
            disabled: counter("disabled"),
            throttled: counter("throttled"),
            unavailable: counter("unavailable"),
            throttled_by: ThrottledBy {
                network: throttled_by("network"),
                account_and_network: throttled_by("account_and_network"),
                account: throttled_by("account"),
                device: throttled_by("device"),
            },
        }
    }

    /// Counts an attempt whose password was compared.
    pub fn ended(&self, outcome: Outcome) {
        match outcome {
            Outcome::Ok => self.ok.increment(1),
            Outcome::WrongPassword => self.wrong_password.increment(1),
            Outcome::UnknownName => self.unknown_name.increment(1),
            Outcome::Disabled => self.disabled.increment(1),
        }
    }

    /// Counts an attempt that was refused because this limit was exceeded.
    pub fn throttled(&self, limit: Limited) {
        self.throttled.increment(1);
        match limit {
            Limited::Network => self.throttled_by.network.increment(1),
            Limited::AccountAndNetwork => self.throttled_by.account_and_network.increment(1),
            Limited::Account => self.throttled_by.account.increment(1),
            Limited::Device => self.throttled_by.device.increment(1),
        }
    }

    /// Counts an attempt that failed because the queue for password hashing was full, or a store did not answer.
    pub fn unavailable(&self) {
        self.unavailable.increment(1);
    }
}
