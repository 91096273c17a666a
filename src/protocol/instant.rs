//! Instants in the future. A clock may have been ahead when a fact was written, and have been corrected
//! since. A fact that is dated further ahead than clocks may differ is not believed: it counts as if it had
//! not happened, so that a wrong clock extends nothing.

use time::{Duration, OffsetDateTime};

/// How far ahead of this clock a fact may be dated: clocks of nodes differ by seconds.
pub const AHEAD: Duration = Duration::seconds(30);

/// The age of a fact; zero where clocks differ a little, none when the fact is dated in the future and not
/// believed.
pub fn age(at: OffsetDateTime, now: OffsetDateTime) -> Option<Duration> {
    let age = now - at;
    (age >= -AHEAD).then(|| age.max(Duration::ZERO))
}

/// [`age`] of a stored instant. Both arguments are in seconds since the epoch, the result is in seconds.
pub fn seconds_since(at: i64, now: i64) -> Option<i64> {
    let age = now.saturating_sub(at);
    (age >= -AHEAD.whole_seconds()).then(|| age.max(0))
}

/// Tells whether a span that ends at `end` and lasts at most `longest` is in force now. An end that is
/// further ahead than `longest` was set by a clock that was ahead; such a span is not in force.
pub fn lasts(end: OffsetDateTime, longest: Duration, now: OffsetDateTime) -> bool {
    let left = end - now;
    left.is_positive() && left <= longest + AHEAD
}
