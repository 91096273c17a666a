//! What an instant in the future means.

use countersign::protocol::instant::{AHEAD, age, lasts, seconds_since};
use time::{Duration, OffsetDateTime};

#[test]
fn a_fact_of_the_future_is_not_believed() {
    let now = OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap();
    let ahead = AHEAD.whole_seconds();
    for (at, believed) in [
        (-1_000_000, Some(1_000_000)),
        (-1, Some(1)),
        (0, Some(0)),
        // Clocks differ a little.
        (1, Some(0)),
        (ahead, Some(0)),
        (ahead + 1, None),
        (365 * 86_400, None),
    ] {
        assert_eq!(age(now + Duration::seconds(at), now), believed.map(Duration::seconds), "{at}");
        assert_eq!(seconds_since(now.unix_timestamp() + at, now.unix_timestamp()), believed, "{at}");
    }
    assert_eq!(seconds_since(i64::MAX, i64::MIN), None);
    assert_eq!(seconds_since(i64::MIN, i64::MAX), Some(i64::MAX));
}

#[test]
fn what_ends_later_than_it_can_last_is_over() {
    let now = OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap();
    let hour = Duration::hours(1);
    for (left, is_in_force) in [
        (Duration::seconds(-1), false),
        (Duration::ZERO, false),
        (Duration::SECOND, true),
        (hour, true),
        (hour + AHEAD, true),
        (hour + AHEAD + Duration::SECOND, false),
        (Duration::days(365), false),
    ] {
        assert_eq!(lasts(now + left, hour, now), is_in_force, "{left}");
    }
}
