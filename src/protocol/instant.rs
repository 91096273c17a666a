//! What an instant in the future means. A clock may have run ahead while something was written and be right again: what
//! it wrote then seems to have happened later than now. A fact that is dated ahead by more than clocks may differ is
//! not believed. It counts as if it had never happened, so that nothing lasts longer for the sake of a wrong clock.

use time::{Duration, OffsetDateTime};

/// How far ahead of this clock a fact may be dated: clocks of nodes differ by seconds.
pub const AHEAD: Duration = Duration::seconds(30);

/// How long ago a fact was, and zero where clocks differ a little; none when it is dated in the future and not
/// believed.
pub fn age(at: OffsetDateTime, now: OffsetDateTime) -> Option<Duration> {
    let age = now - at;
    (age >= -AHEAD).then(|| age.max(Duration::ZERO))
}

/// [`age`] of a stored instant, both in seconds since the epoch; in seconds.
pub fn seconds_since(at: i64, now: i64) -> Option<i64> {
    let age = now.saturating_sub(at);
    (age >= -AHEAD.whole_seconds()).then(|| age.max(0))
}

/// Tells whether what ends at `end`, and lasts no longer than `longest`, is in force now. An end that is further away
/// than that was set by a clock that ran ahead: nothing is in force then.
pub fn lasts(end: OffsetDateTime, longest: Duration, now: OffsetDateTime) -> bool {
    let left = end - now;
    left.is_positive() && left <= longest + AHEAD
}
