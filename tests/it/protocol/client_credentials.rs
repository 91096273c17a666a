//! What a client may have for itself: scopes and resources, by what is declared and what it is allowed.

use countersign::protocol::client_credentials::read;
use countersign::protocol::params::Params;
use countersign::protocol::resource::Resources;
use serde_json::{Value, json};

use super::{client, params};

const API: &str = "https://api.example";
const PAY: &str = "https://pay.example";
const FREE: &str = "https://free.example";

fn declared() -> Resources {
    let declared = json!([
        { "uri": API, "scopes": ["read", "write"], "default": true },
        { "uri": PAY, "scopes": ["pay", "check"] },
        { "uri": FREE, "scopes": [] },
    ]);
    Resources::new(serde_json::from_value(declared).unwrap()).unwrap()
}

/// A request with these parameters: the scope, and the resources.
fn request(scope: Option<&str>, resources: &[&str]) -> Params {
    let scope = scope.into_iter().map(|scope| ("scope", scope));
    let resources = resources.iter().map(|uri| ("resource", *uri));
    params(&scope.chain(resources).collect::<Vec<_>>(), &["scope", "resource"])
}

/// The scopes and resources that a client with this registered scope is granted, or the error.
fn wanted(
    registered: Value,
    scope: Option<&str>,
    resources: &[&str],
) -> Result<(String, Vec<String>), &'static str> {
    let wanted = read(&request(scope, resources), &client(registered), &declared());
    let wanted = wanted.map_err(|refusal| refusal.error.code)?;
    Ok((wanted.scope.to_string(), wanted.resources))
}

#[test]
fn a_client_gets_scopes_of_resources_and_none_about_a_person() {
    let all = "openid profile offline_access read write pay";
    for (allowed, scope, resources, expected) in [
        // Without a resource: the default ones, and of any other resource nothing that is not asked for.
        (all, None, &[][..], Ok(("read write", &[][..]))),
        (all, Some("read"), &[], Ok(("read", &[]))),
        (all, Some("read unknown"), &[], Ok(("read", &[]))),
        ("read", Some("read write"), &[], Ok(("read", &[]))),
        (all, Some("pay"), &[], Err("invalid_target")),
        (all, Some("read pay"), &[], Err("invalid_target")),
        ("read", Some("read pay"), &[], Ok(("read", &[]))),
        (all, Some("unknown"), &[], Err("invalid_scope")),
        ("read", Some("write"), &[], Err("invalid_scope")),
        ("pay", None, &[], Ok(("", &[]))),
        // With resources.
        (all, None, &[PAY], Ok(("pay", &[PAY]))),
        (all, None, &[API, PAY], Ok(("pay read write", &[API, PAY]))),
        (all, Some("read pay"), &[API, PAY], Ok(("pay read", &[API, PAY]))),
        (all, Some("read pay"), &[PAY], Ok(("pay", &[PAY]))),
        (all, Some("read"), &[PAY], Err("invalid_scope")),
        (all, Some("check"), &[PAY], Err("invalid_scope")),
        (all, None, &["HTTPS://PAY.example"], Ok(("pay", &[PAY]))),
        (all, None, &["https://other.example"], Err("invalid_target")),
        (all, None, &[PAY, "https://other.example"], Err("invalid_target")),
        // A resource none of whose scopes the client may have.
        ("read", None, &[PAY], Err("invalid_target")),
        ("read", None, &[API, PAY], Err("invalid_target")),
        ("read", Some("read"), &[PAY], Err("invalid_target")),
        (all, None, &[FREE], Err("invalid_target")),
        // What is about a person is left out, and is no reason to refuse.
        (all, Some("openid offline_access read"), &[], Ok(("read", &[]))),
        (all, Some("openid profile"), &[], Ok(("", &[]))),
        (all, Some("openid email pay"), &[PAY], Ok(("pay", &[PAY]))),
        (all, Some("openid unknown"), &[], Err("invalid_scope")),
    ] {
        let expected = expected.map(|(scope, uris): (&str, &[&str])| {
            (scope.to_owned(), uris.iter().map(|uri| (*uri).to_owned()).collect())
        });
        assert_eq!(
            wanted(json!({ "scope": allowed }), scope, resources),
            expected,
            "{allowed}: {scope:?} {resources:?}"
        );
    }
    assert_eq!(wanted(json!({}), None, &[]), Ok((String::new(), vec![])), "the standard scopes alone");
    let public = json!({ "scope": all, "token_endpoint_auth_method": "none" });
    assert_eq!(wanted(public, None, &[]), Err("unauthorized_client"));
}

#[test]
fn what_is_left_out_is_told_with_its_reason() {
    let client = client(json!({ "scope": "openid read pay" }));
    let told = |scope| {
        let narrowed = read(&request(Some(scope), &[API]), &client, &declared()).unwrap().narrowed;
        let facts = narrowed.map(|cause| cause.facts).unwrap_or_default().into_iter();
        facts.filter(|fact| fact.name == "because").map(|fact| fact.value.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(told("read"), [""; 0]);
    assert_eq!(
        told("read openid offline_access b\u{e9} strange write pay"),
        [
            "about a person, and none is involved: offline_access openid",
            "not known here: b\u{e9} strange",
            "not allowed to this client: write",
            "not of the requested resource: pay",
        ]
    );
}
