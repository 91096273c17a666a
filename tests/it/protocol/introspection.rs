//! Who may know what a token says, and what is told.

use countersign::protocol::introspection::{Answer, active, admit, inactive, seen_by};
use countersign::protocol::presented::Unusable;
use countersign::protocol::resource::Resources;
use serde_json::json;
use time::OffsetDateTime;

use super::bearer::{ISSUER, NOW, token};
use super::client;

#[test]
fn a_client_sees_its_own_tokens_and_those_for_what_it_acts_as() {
    let app = client(json!({}));
    assert_eq!(admit(&app), Ok(()));
    let public = client(json!({ "token_endpoint_auth_method": "none" }));
    assert_eq!(admit(&public).unwrap_err().error.code, "invalid_client");
    let declared = json!([
        { "uri": "https://api.example", "scopes": ["read"], "clients": ["rs", "app"] },
        { "uri": "https://other.example", "scopes": ["other"], "clients": ["rs"] },
    ]);
    let resources = Resources::new(serde_json::from_value(declared).unwrap()).unwrap();
    for (client_id, aud, is_seen) in [
        ("app", json!(ISSUER), true),
        ("app", json!("https://gone.example"), true),
        ("other", json!("https://api.example"), true),
        ("other", json!("HTTPS://API.example"), true),
        ("other", json!([ISSUER, "https://api.example"]), true),
        ("other", json!("https://other.example"), false),
        ("other", json!(ISSUER), false),
        ("other", json!(["app", "rs"]), false),
        ("other", json!([]), false),
        ("other", json!({ "0": "https://api.example" }), false),
    ] {
        let said = json!({ "client_id": client_id, "aud": aud });
        match seen_by(&app, token(&said), &resources) {
            Ok(_) => assert!(is_seen, "{said}"),
            Err(why) => assert!(!is_seen && matches!(why, Unusable::Mistaken(_)), "{said} {why:?}"),
        }
    }
}

#[test]
fn an_active_token_is_told_by_its_own_claims_and_any_other_not_at_all() {
    let of_person = token(&json!({ "nbf": NOW - 70, "auth_time": NOW - 99, "acr": "low", "amr": ["pwd"],
        "urn:countersign:claim:session": "hidden", "urn:countersign:claim:userinfo": ["email"], "roles": ["admin"] }));
    let told = active(&of_person);
    assert_eq!(
        serde_json::Value::Object(told.clone()),
        json!({ "active": true, "token_type": "Bearer", "iss": ISSUER, "sub": "ada", "aud": ISSUER, "client_id": "app",
            "scope": "openid profile", "exp": NOW + 290, "iat": NOW - 10, "nbf": NOW - 70, "jti": "x",
            "auth_time": NOW - 99, "acr": "low", "amr": ["pwd"] })
    );
    let own = active(&token(&json!({ "sub": "app", "scope": "", "aud": ["https://api.example", ISSUER] })));
    assert_eq!(
        serde_json::Value::Object(own),
        json!({ "active": true, "token_type": "Bearer", "iss": ISSUER, "sub": "app", "client_id": "app",
            "aud": ["https://api.example", ISSUER], "exp": NOW + 290, "iat": NOW - 10, "jti": "x" }),
        "no member is null or empty"
    );
    assert_eq!(serde_json::Value::Object(inactive()), json!({ "active": false }));
    let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
    let caller = client(json!({}));
    let answer = Answer::new(ISSUER, &caller, &told, now);
    assert_eq!(
        serde_json::to_value(&answer).unwrap(),
        json!({ "iss": ISSUER, "aud": "app", "iat": NOW, "token_introspection": told })
    );
}
