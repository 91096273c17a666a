//! The request of a device: registered for it, and the rules of scope and resource.

use countersign::protocol::request::device::{PARAMS, read};
use countersign::protocol::resource::Resources;
use serde_json::json;

use crate::protocol::{client, params};

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[test]
fn a_device_asks_for_what_its_client_may_have() {
    let devices = json!([DEVICE]);
    for (grant_types, pairs, expected) in [
        (&devices, &[("scope", "openid email")][..], Ok("email openid")),
        (&devices, &[("scope", "openid unheard-of")], Ok("openid")),
        (&devices, &[("scope", "openid"), ("nonce", "n")], Ok("openid")),
        (&devices, &[("scope", "unheard-of")], Err("invalid_scope")),
        (&devices, &[], Err("invalid_scope")),
        (&devices, &[("scope", "openid"), ("resource", "https://else.example")], Err("invalid_target")),
        (&json!(["authorization_code"]), &[("scope", "openid")], Err("unauthorized_client")),
        (&json!(["authorization_code", DEVICE]), &[("scope", "openid")], Ok("openid")),
    ] {
        let client = client(json!({ "grant_types": grant_types }));
        let asked = read(&params(pairs, &PARAMS), &client, &Resources::default());
        let found = asked.map(|asked| asked.scope.to_string()).map_err(|refusal| refusal.error.code);
        assert_eq!(found.as_deref().map_err(|code| *code), expected, "{pairs:?}");
    }
    let client = client(json!({ "grant_types": devices }));
    let asked = read(&params(&[("scope", "openid unheard-of")], &PARAMS), &client, &Resources::default());
    assert_eq!(asked.unwrap().narrowed.len(), 1, "the developer is told");
}
