//! The `claims` parameter: what it may be, and whom it may be about.

use countersign::protocol::request::{ClaimsRequest, Malformed};
use serde_json::{Value, json};

use super::{app, table};

pub fn parse(value: &Value) -> Result<ClaimsRequest, Malformed> {
    ClaimsRequest::parse(&value.to_string())
}

pub fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn what_is_malformed_is_told_apart_from_what_is_unknown() {
    for text in ["", "{", "null", "[]", "\"x\"", "7", "true", "{}x", "{\"id_token\":{\"name\":nul}}"] {
        assert_eq!(ClaimsRequest::parse(text), Err(Malformed), "{text}");
    }
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(ClaimsRequest::parse(&deep), Err(Malformed));
    for value in [
        json!({ "id_token": [] }),
        json!({ "userinfo": "name" }),
        json!({ "userinfo": { "name": true } }),
        json!({ "userinfo": { "name": "x" } }),
        json!({ "userinfo": { "name": [] } }),
        json!({ "id_token": { "name": { "essential": "true" } } }),
        json!({ "id_token": { "name": { "essential": 1 } } }),
        json!({ "id_token": { "name": { "values": "x" } } }),
        json!({ "id_token": { "sub": { "value": 7 } } }),
        json!({ "userinfo": { "sub": { "values": ["x", {}] } } }),
    ] {
        assert_eq!(parse(&value), Err(Malformed), "{value}");
    }
    for value in [
        json!({}),
        json!({ "id_token": null, "userinfo": null }),
        json!({ "unknown": 7, "verified_claims": [] }),
        json!({ "userinfo": { "unknown": null, "name": { "unknown": 7 } } }),
        json!({ "userinfo": { "name": null, "email": {}, "locale": { "value": null, "essential": null, "values": null } } }),
        json!({ "id_token": { "name": { "essential": false, "value": { "deep": [1] }, "values": [] } } }),
    ] {
        assert!(parse(&value).is_ok(), "{value}");
    }
}

#[test]
fn several_demands_for_a_subject_are_met_together() {
    for (value, subjects) in [
        (json!({}), None),
        (
            json!({ "id_token": { "sub": null }, "userinfo": { "sub": { "essential": true, "values": [] } } }),
            None,
        ),
        (json!({ "id_token": { "sub": { "value": "ada" } } }), Some(&["ada"][..])),
        (json!({ "userinfo": { "sub": { "values": ["ada", "eve"] } } }), Some(&["ada", "eve"])),
        (
            json!({ "id_token": { "sub": { "values": ["ada", "eve"] } }, "userinfo": { "sub": { "value": "eve" } } }),
            Some(&["eve"]),
        ),
        (
            json!({ "id_token": { "sub": { "value": "ada" } }, "userinfo": { "sub": { "value": "eve" } } }),
            Some(&[]),
        ),
    ] {
        assert_eq!(parse(&value).unwrap().subjects(), subjects.map(names), "{value}");
    }
}

#[test]
fn a_malformed_parameter_is_refused() {
    table(
        &app(&json!({})),
        &[
            (("claims", "{"), "invalid_request"),
            (("claims", "[]"), "invalid_request"),
            (("claims", "{}"), "fine"),
        ],
    );
}
