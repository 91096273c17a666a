//! Polls: in time, early, late; and which client a request is of.

use countersign::protocol::device::{Decision, DeviceRequest, Poll, Polls};
use countersign::protocol::grant_type::GrantType;
use countersign::protocol::scope::Scope;
use countersign::protocol::user_code::UserCode;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::client;

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_900_000_000 + seconds).unwrap()
}

fn polls(interval: i64, last: Option<i64>) -> Polls {
    let user_code = UserCode::parse("BCDF-GHJK").unwrap();
    Polls { user_code, asked_at: at(0), interval, last: last.map(at) }
}

#[test]
fn a_poll_is_early_until_the_interval_is_over() {
    for (interval, last, now, expected) in [
        // The first one is never early.
        (5, None, 0, "in time"),
        (5, Some(0), 4, "early"),
        (5, Some(0), 5, "in time"),
        (5, Some(0), 6, "in time"),
        (10, Some(20), 29, "early"),
        (10, Some(20), 30, "in time"),
        (10, Some(20), 31, "in time"),
        // Clocks of nodes differ a little; a last poll far ahead is not believed.
        (5, Some(20), 10, "early"),
        (5, Some(100), 10, "in time"),
        // Early or not: after ten minutes it is over.
        (5, None, 599, "in time"),
        (5, Some(598), 599, "early"),
        (5, None, 600, "late"),
        (5, Some(599), 600, "late"),
        (5, None, 601, "late"),
        // Asked for in the future.
        (5, None, -30, "in time"),
        (5, None, -31, "late"),
    ] {
        let before = polls(interval, last);
        let (found, longer) = match before.poll(at(now)) {
            Poll::Late => ("late", None),
            Poll::Early(after) => ("early", Some((after.last, after.interval - interval))),
            Poll::InTime(after) => ("in time", Some((after.last, after.interval - interval))),
        };
        assert_eq!(found, expected, "{interval} s, last at {last:?}, now {now}");
        if let Some((last, longer)) = longer {
            assert_eq!(last, Some(at(now)), "every poll is the last one");
            assert_eq!(longer, if expected == "early" { 5 } else { 0 });
        }
    }
    // A fraction of a second, which is not stored, makes no poll early.
    let whole = polls(5, Some(0)).poll(at(5));
    assert!(matches!(whole, Poll::InTime(_)));
    let before = Polls { last: Some(at(0) + Duration::milliseconds(900)), ..polls(5, None) };
    assert!(matches!(before.poll(at(5)), Poll::InTime(_)));
    assert!(matches!(before.poll(at(5) - Duration::milliseconds(1)), Poll::Early(_)));
}

#[test]
fn a_request_is_pending_for_ten_minutes_and_of_the_client_that_made_it() {
    let devices = client(json!({ "grant_types": [GrantType::DeviceCode.name()] }));
    let request = DeviceRequest {
        client_id: devices.id.clone(),
        registered_at: devices.registered_at,
        scope: Scope::parse("openid"),
        resources: vec![],
        asked_at: at(0),
        network: String::new(),
        decision: Decision::Pending,
    };
    for (now, pending) in [(-31, false), (-30, true), (0, true), (599, true), (600, false), (601, false)] {
        assert_eq!(request.is_pending(at(now)), pending, "{now}");
    }
    let denied = DeviceRequest { decision: Decision::Denied, ..request.clone() };
    assert!(!denied.is_pending(at(0)) && !denied.is_undecided() && request.is_undecided());

    assert!(request.is_of(&devices));
    let other = countersign::protocol::client::Client { id: "other".into(), ..devices.clone() };
    let later = devices.registered_at + Duration::SECOND;
    let again = countersign::protocol::client::Client { registered_at: later, ..devices.clone() };
    let disabled = countersign::protocol::client::Client { disabled: true, ..devices.clone() };
    for not in [other, again, disabled, client(json!({}))] {
        assert!(!request.is_of(&not), "{not:?}");
    }
}
