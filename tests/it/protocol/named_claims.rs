//! Claims by name: what of a `claims` parameter may be told, and what consent it takes.

use countersign::protocol::client::Client;
use countersign::protocol::consent::Consent;
use countersign::protocol::named_claims::NamedClaims;
use countersign::protocol::request::ClaimsRequest;
use countersign::protocol::scope::Scope;
use proptest::prelude::*;
use serde_json::json;

use super::client;
use super::request::claims::{names, parse};

#[test]
fn only_claims_of_scopes_the_client_may_have_are_told_and_where_they_were_asked_for() {
    let asked = json!({
        "id_token": { "email": null, "auth_time": { "essential": true }, "acr": null, "iss": null, "roles": null },
        "userinfo": { "sub": null, "name": { "essential": true }, "name#de": null, "phone_number": null,
            "name\u{0}": null, "favourite": null },
    });
    for (allowed, id_token, userinfo) in [
        ("openid profile email phone address", &["email"][..], &["name", "name#de", "phone_number"][..]),
        ("openid profile", &[], &["name", "name#de"]),
        ("openid phone", &[], &["phone_number"]),
        ("openid balances.read", &[], &[]),
    ] {
        let mut permitted = parse(&asked).unwrap().permitted(&Scope::parse(allowed));
        permitted.userinfo.sort();
        let expected = NamedClaims { id_token: names(id_token), userinfo: names(userinfo) };
        assert_eq!(permitted, expected, "{allowed}");
        assert_eq!(permitted.is_empty(), id_token.is_empty() && userinfo.is_empty());
    }
}

#[test]
fn a_person_is_asked_about_what_the_scopes_do_not_release() {
    let claims = NamedClaims {
        id_token: names(&["email", "birthdate"]),
        userinfo: names(&["name#de", "name#ja-Kana-JP", "email", "gender"]),
    };
    for (scopes, beyond) in [
        ("openid", &["birthdate", "email", "gender", "name"][..]),
        // A claim in another language is still beyond what the scope releases.
        ("openid profile", &["email", "name"]),
        ("openid email", &["birthdate", "gender", "name"]),
    ] {
        let asked: Vec<String> = claims.beyond(&Scope::parse(scopes)).into_iter().collect();
        assert_eq!(asked, names(beyond), "{scopes}");
    }
}

#[test]
fn a_consent_covers_claims_by_name_or_by_scope() {
    let what = |scopes: &str, claims: &[&str]| Consent {
        scopes: Scope::parse(scopes),
        claims: names(claims).into_iter().collect(),
        ..Consent::default()
    };
    let had = what("openid email", &["birthdate"]);
    for (asked, covered) in [
        (what("openid", &[]), true),
        (what("openid", &["birthdate"]), true),
        (what("openid", &["email", "email_verified"]), true),
        (what("openid", &["birthdate", "gender"]), false),
        (what("openid profile", &["birthdate"]), false),
        (what("openid", &["name"]), false),
    ] {
        assert_eq!(had.covers(&asked), covered, "{asked:?}");
    }
}

proptest! {
    /// Whatever is asked for, nothing is told that is no claim of a scope the client may have.
    #[test]
    fn nothing_else_is_ever_told(text in "\\{\"(id_token|userinfo)\":\\{(\"(sub|name|email#x|roles|iss|[a-z]{1,4})\":(null|\\{\\}),?){0,4}\\}?\\}") {
        let client: Client = client(json!({ "client_name": "App", "redirect_uris": ["https://app.example/cb"], "scope": "openid profile" }));
        if let Ok(request) = ClaimsRequest::parse(&text) {
            let told = request.permitted(&client.allowed_scopes());
            for name in told.id_token.iter().chain(&told.userinfo) {
                prop_assert_eq!(name, "name");
            }
        }
    }
}
