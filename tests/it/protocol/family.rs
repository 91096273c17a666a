//! How long a family of refresh tokens lasts: by its kind, and by the kind of its client.

use countersign::protocol::family::{Terms, begins};
use countersign::protocol::grant::Grant;
use countersign::protocol::lifetimes::Lifetimes;
use countersign::protocol::refresh::{Decision, Facts, Position, Rotation, decide};
use countersign::protocol::scope::Scope;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::client;
use super::code::grant;

#[test]
fn a_family_lasts_as_long_as_its_kind_and_its_client_allow() {
    let now = OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap();
    let session_end = now + Duration::hours(20);
    let (hours, days) = (Duration::hours, Duration::days);
    let public = json!({ "token_endpoint_auth_method": "none" });
    let native = json!({ "token_endpoint_auth_method": "none", "application_type": "native" });
    for (metadata, scope, remembered, idle, absolute) in [
        (json!({}), "openid offline_access", false, Some(days(30)), days(180)),
        (json!({}), "openid offline_access", true, Some(days(30)), days(180)),
        (json!({}), "openid", false, Some(hours(8)), hours(20)),
        (json!({}), "openid", true, None, hours(20)),
        (native.clone(), "openid offline_access", false, Some(days(30)), days(180)),
        (native, "openid", true, None, hours(20)),
        // An application in the browser.
        (public.clone(), "openid offline_access", false, Some(hours(8)), hours(24)),
        (public.clone(), "openid", false, Some(hours(8)), hours(20)),
        (public, "openid", true, Some(hours(8)), hours(20)),
    ] {
        let client = client(metadata.clone());
        let terms = Terms { grant: Grant { scope: Scope::parse(scope), ..grant(true).grant }, remembered };
        let policy = Lifetimes::default().family();
        assert_eq!(policy.idle(&terms, &client), idle, "{metadata} {scope}");
        let end = policy.absolute_end(&terms, &client, session_end, now);
        assert_eq!(end - now, absolute, "{metadata} {scope}");
        assert_eq!(terms.is_offline(), scope.contains("offline"));
        let stored = serde_json::to_string(&terms).unwrap();
        let read: Terms = serde_json::from_str(&stored).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), stored);
        assert_eq!(read.remembered, remembered);
    }
}

#[test]
fn a_client_asks_for_families_by_its_grant_types() {
    assert!(!begins(&client(json!({}))));
    assert!(begins(&client(json!({ "grant_types": ["authorization_code", "refresh_token"] }))));
}

/// A family that exists ends by the present lifetimes, or by those it began with if they were shorter.
#[test]
fn a_shorter_lifetime_counts_for_families_that_exist() {
    let began = OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap();
    let (days, hours) = (Duration::days, Duration::hours);
    let under =
        |idle, absolute| Lifetimes { refresh_idle: idle, refresh_absolute: absolute, ..Lifetimes::default() };
    let short_session = Lifetimes {
        session: countersign::protocol::session::SessionPolicy {
            idle: hours(1),
            ..Lifetimes::default().session
        },
        ..Lifetimes::default()
    };
    let session_of = |absolute| Lifetimes {
        session: countersign::protocol::session::SessionPolicy { absolute, ..Lifetimes::default().session },
        ..Lifetimes::default()
    };
    for (scope, lifetimes, used, idle, absolute) in [
        ("openid offline_access", under(days(30), days(180)), days(10), days(40), days(180)),
        ("openid offline_access", under(days(5), days(180)), days(10), days(15), days(180)),
        ("openid offline_access", under(days(30), days(60)), days(10), days(40), days(60)),
        ("openid offline_access", under(days(90), days(300)), days(10), days(40), days(180)),
        ("openid", short_session, hours(2), hours(3), days(1)),
        ("openid", session_of(hours(5)), hours(2), hours(10), hours(5)),
        ("openid offline_access", session_of(hours(5)), days(10), days(40), days(180)),
    ] {
        let terms =
            Terms { grant: Grant { scope: Scope::parse(scope), ..grant(true).grant }, remembered: false };
        let position = Position {
            generation: 0,
            used_at: began + used,
            used_before: began,
            late_hits: 0,
            idle_end: began + used + days(30),
        };
        let stored = Facts { position, revoked: None, absolute_end: began + days(180), created_at: began };
        let judged = lifetimes.family().judged(&stored, &terms, &client(json!({})));
        let ends = (judged.position.idle_end - began, judged.absolute_end - began);
        assert_eq!(ends, (idle, absolute), "{scope} {lifetimes:?}");
        assert_eq!(Facts { absolute_end: stored.absolute_end, position, ..judged }, stored);
    }
}

/// A client that was public and became confidential keeps its newest token, whose use no longer moves `used_at`.
#[test]
fn a_family_whose_tokens_are_no_longer_replaced_lasts_by_its_use() {
    let began = OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap();
    let days = Duration::days;
    let scope = Scope::parse("openid offline_access");
    let terms = Terms { grant: Grant { scope, ..grant(true).grant }, remembered: false };
    let policy = Lifetimes::default().family();
    let position = Position {
        generation: 3,
        used_at: began,
        used_before: began,
        late_hits: 0,
        idle_end: began + days(30),
    };
    let row = Facts { position, revoked: None, absolute_end: began + days(180), created_at: began };
    let client = client(json!({}));
    let idle = policy.idle(&terms, &client);
    let decision = decide(&row, 3, false, idle, Rotation::DEFAULT, began + days(20));
    let Decision::Keep(used) = decision else { panic!("{decision:?}") };
    let later = policy.judged(&Facts { position: used, ..row }, &terms, &client);
    assert_eq!(later.ended(began + days(50) - Duration::SECOND), None);
    assert!(later.ended(began + days(50)).is_some());
}
