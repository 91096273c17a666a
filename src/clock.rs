//! The only place that asks what time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime};

/// Tells the time; a movable one can be set ahead, so that no test has to wait.
#[derive(Clone, Default)]
pub struct Clock {
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// The present instant, read once per request and handed on by argument.
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the system clock")]
    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + Duration::seconds(self.ahead.load(Ordering::Relaxed))
    }

    /// Moves this clock and all its clones ahead, in whole seconds; a negative span moves it back.
    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(by.whole_seconds(), Ordering::Relaxed);
    }
}
