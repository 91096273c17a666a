//! Client metadata that is refused: each fault names the member, and says in one sentence what is wrong with its value
//! and what to do.
//!
//! Holds `protocol/client/fault.rs`.

use countersign::protocol::client::{Problem, SigningAlg};
use countersign::protocol::registration::{Amendment, Offered, read};
use countersign::protocol::scope::Scope;
use serde_json::{Map, Value, json};

use super::client;

fn offered() -> Offered {
    Offered {
        scopes: Scope::standard(),
        algorithms: vec![SigningAlg::RS256],
        development: false,
        accept_long_tokens: false,
    }
}

/// What is wrong with the metadata of a usual client that also has these.
fn refused(also: &Value) -> (String, Option<&'static str>, String) {
    let usual = json!({ "client_name": "App", "redirect_uris": ["https://app.example/cb"] });
    let mut members = usual.as_object().unwrap().clone();
    members.extend(also.as_object().unwrap().clone());
    let fault = read(members, &offered()).map(|_| also).unwrap_err();
    (fault.member.clone(), fault.remedy(), fault.to_string())
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table with one row for each problem")]
fn a_fault_names_the_member_its_problem_and_the_remedy() {
    let secret = "s".repeat(32);
    for (also, member, remedy, sentence) in [
        (
            json!({ "client_id": "a b" }),
            "client_id",
            None,
            "client_id \"a b\" must be 1 to 255 printable ASCII characters without spaces",
        ),
        (json!({ "client_id": 7 }), "client_id", None, "client_id must be a string"),
        (
            json!({ "client_secret": "short" }),
            "client_secret",
            Some("leave it out to get a new one"),
            "client_secret must have at least 32 characters; leave it out to get a new one",
        ),
        (
            json!({ "client_secret": format!("{secret}\u{e9}") }),
            "client_secret",
            None,
            "client_secret must be at most 1024 printable ASCII characters",
        ),
        (
            json!({ "client_secret": secret, "token_endpoint_auth_method": "none" }),
            "client_secret",
            None,
            "a public client (token_endpoint_auth_method none) has no client_secret",
        ),
        (json!({ "client_name": " " }), "client_name", None, "client_name must have 1 to 120 characters"),
        (
            json!({ "client_name": "a\nb" }),
            "client_name",
            None,
            "client_name must not contain the invisible character U+000A",
        ),
        (json!({ "client_name#de": 7 }), "client_name#de", None, "client_name#de must be a string, but is 7"),
        (json!({ "redirect_uris": [] }), "redirect_uris", None, "at least one redirect_uri is needed"),
        (
            json!({ "redirect_uris": "https://app.example/cb" }),
            "redirect_uris",
            None,
            "redirect_uris must be a list of strings, but is \"https://app.example/cb\"",
        ),
        (
            json!({ "redirect_uris": ["https://app.example/cb#x"] }),
            "redirect_uris",
            None,
            "redirect_uri \"https://app.example/cb#x\": ",
        ),
        (
            json!({ "post_logout_redirect_uris": ["app.example"] }),
            "post_logout_redirect_uris",
            None,
            "redirect_uri \"app.example\": the scheme is missing",
        ),
        (
            json!({ "logo_uri": "http://app.example/logo" }),
            "logo_uri",
            None,
            "logo_uri \"http://app.example/logo\" must be an https address",
        ),
        (
            json!({ "id_token_signed_response_alg": "ES256" }),
            "id_token_signed_response_alg",
            Some("name it in algorithms under [keys] first"),
            "id_token_signed_response_alg ES256 is not configured: name it in algorithms under [keys] first",
        ),
        (
            json!({ "token_endpoint_auth_method": "none", "require_pkce": false }),
            "require_pkce",
            None,
            "a public client cannot do without PKCE",
        ),
        (
            json!({ "default_acr_values": ["a b"] }),
            "default_acr_values",
            None,
            "default_acr_values must be levels without spaces",
        ),
        (
            json!({ "allowed_cors_origins": ["app.example"] }),
            "allowed_cors_origins",
            None,
            "allowed_cors_origins: \"app.example\" is no origin such as https://app.example",
        ),
        (
            json!({ "grant_types": ["implicit"] }),
            "grant_types",
            None,
            "grant_types: \"implicit\" is not supported; \"authorization_code refresh_token client_credentials \
             urn:ietf:params:oauth:grant-type:device_code\" is",
        ),
        (
            json!({ "token_endpoint_auth_method": "none", "grant_types": ["client_credentials"] }),
            "grant_types",
            None,
            "a public client has no credentials for the grant type client_credentials",
        ),
        (json!({ "response_types": [] }), "response_types", None, "response_types must be a list of strings"),
        (
            json!({ "subject_type": "ephemeral" }),
            "subject_type",
            None,
            "subject_type must be \"public\" or \"pairwise\", but is \"ephemeral\"",
        ),
        (
            json!({ "subject_type": "pairwise", "redirect_uris": ["https://a.example/", "https://b.example/"] }),
            "subject_type",
            None,
            "subject_type pairwise needs a sector_identifier_uri, because the redirect URIs have several hosts: ",
        ),
        (
            json!({ "sector_identifier_uri": "http://app.example/clients.json" }),
            "sector_identifier_uri",
            None,
            "sector_identifier_uri \"http://app.example/clients.json\" must be an https address",
        ),
        (
            json!({ "require_auth_time": 1 }),
            "require_auth_time",
            None,
            "require_auth_time must be true or false, but is 1",
        ),
        (
            json!({ "dpop_bound_access_tokens": true }),
            "dpop_bound_access_tokens",
            None,
            "dpop_bound_access_tokens is not supported",
        ),
        (
            json!({ "userinfo_signed_response_alg": "none" }),
            "userinfo_signed_response_alg",
            None,
            "userinfo_signed_response_alg must be \"RS256\", \"ES256\", \"PS256\", \"EdDSA\" or \"Ed25519\", but is",
        ),
        (
            json!({ "userinfo_signed_response_alg": "PS256" }),
            "userinfo_signed_response_alg",
            Some("name it in algorithms under [keys] first"),
            "userinfo_signed_response_alg PS256 is not configured: name it in algorithms under [keys] first",
        ),
        (
            json!({ "userinfo_encrypted_response_alg": "RSA-OAEP-256" }),
            "userinfo_encrypted_response_alg",
            Some("leave it out"),
            "userinfo_encrypted_response_alg \"RSA-OAEP-256\" is not supported; leave it out",
        ),
        (json!({ "scope": "a\\b" }), "scope", None, "scope: \"a\\\\b\" cannot be the name of a scope"),
        (
            json!({ "scope": " " }),
            "scope",
            Some("leave it out to allow those of OpenID Connect"),
            "scope names no scope; leave it out to allow those of OpenID Connect",
        ),
    ] {
        let (named, remedies, said) = refused(&also);
        assert_eq!((named.as_str(), remedies), (member, remedy), "{also}: {said}");
        assert!(said.starts_with(sentence), "{also}: {said}");
    }
}

#[test]
fn a_change_is_refused_by_the_rule_for_a_new_client_and_where_it_names_what_is_not_there() {
    let app = client(json!({ "redirect_uris": ["https://app.example/cb"] }));
    let of = |amendment: &Amendment| amendment.read(&app, &offered()).map(|_| ()).unwrap_err();
    let set = |name: &str, value: Value| Amendment {
        set: Map::from_iter([(name.to_owned(), value)]),
        ..Amendment::default()
    };
    let fault = of(&set("client_id", json!("other")));
    assert_eq!(fault.problem, Problem::Fixed("other".into(), "app".into()));
    assert_eq!(fault.to_string(), "client_id other cannot become another: it is app");
    let fault = of(&set("scope", json!("")));
    assert_eq!((fault.member.as_str(), &fault.problem), ("scope", &Problem::NoScope));
    let gone =
        Amendment { remove: vec![("redirect_uris", "https://gone.example/".into())], ..Amendment::default() };
    let fault = of(&gone);
    assert_eq!(fault.member, "redirect_uris");
    assert!(
        fault.to_string().starts_with("redirect_uris has no \"https://gone.example/\"; it has ["),
        "{fault}"
    );
}
