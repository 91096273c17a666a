//! What every grant carries: a token is for resources that were authorized.

use countersign::protocol::grant::Grant;
use countersign::protocol::resource::Resources;
use countersign::protocol::scope::Scope;
use serde_json::json;

use super::code::{API, PAY, grant};
use super::params;

#[test]
fn a_token_can_be_for_fewer_resources_but_not_for_others() {
    let declared = json!([
        { "uri": API, "scopes": ["read"] }, { "uri": PAY, "scopes": ["pay"] },
        { "uri": "https://free.example", "scopes": ["free"], "default": true },
    ]);
    let declared = Resources::new(serde_json::from_value(declared).unwrap()).unwrap();
    let narrow = |grant: Grant, asked: &[&str]| {
        let asked: Vec<(&str, &str)> = asked.iter().map(|uri| ("resource", *uri)).collect();
        let narrowed = grant.narrow(&declared, &params(&asked, &["resource"]));
        narrowed.map_err(|failure| failure.error.code)
    };
    for (asked, expected) in [
        (&[][..], Ok(&[API, PAY][..])),
        (&[PAY], Ok(&[PAY])),
        (&[PAY, API], Ok(&[PAY, API])),
        (&["HTTPS://API.example"], Ok(&[API])),
        (&["https://free.example"], Err("invalid_target")),
        (&["https://other.example"], Err("invalid_target")),
        (&[API, "https://other.example"], Err("invalid_target")),
        (&["https://api.example/x"], Err("invalid_target")),
    ] {
        let expected = expected.map(|uris| uris.iter().map(|uri| (*uri).to_owned()).collect());
        assert_eq!(narrow(grant(true).grant, asked), expected, "{asked:?}");
    }
    // What a scope alone brought in can be named as well.
    let by_scope = || Grant { scope: Scope::parse("openid free"), resources: vec![], ..grant(true).grant };
    assert_eq!(narrow(by_scope(), &["https://free.example"]).unwrap(), ["https://free.example"]);
    assert_eq!(narrow(by_scope(), &[API]), Err("invalid_target"));
}
