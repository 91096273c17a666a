//! Access tokens presented to our own endpoints: what a signature alone does not say.

use countersign::protocol::bearer::{Presented, TokenFault};
use serde_json::{Value, json};
use time::OffsetDateTime;

pub const ISSUER: &str = "https://id.example";
pub const NOW: i64 = 1_900_000_000;

/// The claims of an access token of `app` about Ada, changed.
pub fn token(change: &Value) -> Presented {
    let mut claims = json!({ "iss": ISSUER, "sub": "ada", "aud": ISSUER, "iat": NOW - 10, "exp": NOW + 290,
        "jti": "x", "client_id": "app", "scope": "openid profile" });
    claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    serde_json::from_value(claims).unwrap()
}

#[test]
fn only_a_living_access_token_of_ours_for_us_is_one() {
    let at = Some("at+jwt");
    for (typ, change, expected) in [
        (at, json!({}), "fine"),
        (at, json!({ "aud": ["https://api.example", ISSUER] }), "fine"),
        (at, json!({ "exp": NOW + 1 }), "fine"),
        (at, json!({ "exp": NOW }), "invalid"),
        (at, json!({ "iat": NOW + 30 }), "fine"),
        (at, json!({ "iat": NOW + 31 }), "invalid"),
        (at, json!({ "iss": "https://id.example/" }), "invalid"),
        (at, json!({ "aud": "https://api.example" }), "invalid"),
        (at, json!({ "aud": [] }), "invalid"),
        (at, json!({ "aud": { "0": ISSUER } }), "invalid"),
        (at, json!({ "client_id": "" }), "invalid"),
        (at, json!({ "scope": "profile" }), "insufficient"),
        (None, json!({}), "invalid"),
        (Some("jwt"), json!({}), "invalid"),
        (Some("AT+JWT"), json!({}), "invalid"),
    ] {
        let said = match token(&change).check(typ, ISSUER, OffsetDateTime::from_unix_timestamp(NOW).unwrap())
        {
            Ok(()) => "fine",
            Err(TokenFault::Invalid(_)) => "invalid",
            Err(TokenFault::LacksScope(_)) => "insufficient",
        };
        assert_eq!(said, expected, "{typ:?} {change}");
    }
}

/// A client that acts for itself is told apart from a person, even one whose identifier it has.
#[test]
fn a_token_is_about_a_person_or_of_the_client_itself() {
    for (change, person) in [
        (json!({}), Some("ada")),
        (json!({ "auth_time": NOW }), Some("ada")),
        (json!({ "sub": "app" }), None),
        (json!({ "sub": "app", "auth_time": NOW }), Some("app")),
        (json!({ "sub": "" }), Some("")),
    ] {
        assert_eq!(token(&change).person(), person, "{change}");
    }
}
