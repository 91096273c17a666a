//! How long a family of refresh tokens lasts: by its kind, and by the kind of its client.

use countersign::protocol::family::{FamilyPolicy, Terms, begins};
use countersign::protocol::grant::Grant;
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
        let policy = FamilyPolicy::DEFAULT;
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
