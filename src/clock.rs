//! The clock: the only reader of the system time. Also spans of time in words.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime};

/// A clock that can be moved, so that no test has to wait.
#[derive(Clone, Default)]
pub struct Clock {
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// The present instant. It is read once per request and passed on as an argument.
    pub fn now(&self) -> OffsetDateTime {
        self.unmoved() + Duration::seconds(self.ahead.load(Ordering::Relaxed))
    }

    /// The system time, however far this clock was moved: for comparison with the clock of another machine.
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the system clock")]
    pub fn unmoved(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    /// Moves this clock and all its clones ahead by whole seconds; back for a negative span.
    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(by.whole_seconds(), Ordering::Relaxed);
    }
}

/// The size of a span of seconds in its two largest units.
pub fn span(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let days_word = if days == 1 { "day" } else { "days" };
    match (days, hours, minutes, seconds % 60) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, m, 0) => format!("{m} min"),
        (0, 0, m, s) => format!("{m} min {s} s"),
        (0, h, 0, _) => format!("{h} h"),
        (0, h, m, _) => format!("{h} h {m} min"),
        (d, 0, _, _) => format!("{d} {days_word}"),
        (d, h, _, _) => format!("{d} {days_word} {h} h"),
    }
}
