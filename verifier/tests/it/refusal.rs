//! What a refusal tells the developer, and what it tells the caller.

use countersign_verifier::{Refusal, bearer_token};
use serde_json::json;

use crate::signer::{ES256, NOW, access_claims, verify_access, with};

fn refusal(changes: serde_json::Value) -> Refusal {
    verify_access(&ES256.sign(&ES256.header(), &with(access_claims(), changes))).unwrap_err()
}

#[test]
fn the_developer_gets_a_sentence() {
    for (changes, sentence) in [
        (json!({ "exp": NOW - 12 }), "the token expired 12 s ago"),
        (
            json!({ "aud": ["a", "b"] }),
            "the token is for audience a, b, this service is https://api.example.com",
        ),
        (
            json!({ "iss": "https://evil\n\u{1b}[2J" }),
            "the token was issued by https://evil\\n\\u{1b}[2J, this service trusts https://id.example.com",
        ),
        (
            json!({ "nbf": NOW + 90 }),
            "the claim nbf is 90 s ahead: the token is not valid yet, or a clock is wrong",
        ),
    ] {
        assert_eq!(refusal(changes).to_string(), sentence);
    }
    let header =
        |changes| verify_access(&ES256.sign(&with(ES256.header(), changes), &access_claims())).unwrap_err();
    assert_eq!(
        header(json!({ "alg": "none" })).to_string(),
        "alg none is never accepted: the token is not signed"
    );
    assert_eq!(header(json!({ "kid": "k9" })).to_string(), "the issuer has no key k9");
    assert_eq!(
        header(json!({ "typ": "JWT" })).to_string(),
        "the token's typ is JWT, an access token has at+jwt"
    );
    let long = header(json!({ "kid": "k".repeat(5000) })).to_string();
    assert!(long.len() < 200 && long.ends_with('…'));
}

#[test]
fn the_caller_gets_a_challenge_that_repeats_nothing() {
    assert_eq!(
        refusal(json!({ "iss": "https://evil\" x=\"" })).www_authenticate(None),
        r#"Bearer error="invalid_token", error_description="the token is from another issuer""#
    );
    let metadata = Some("https://api.example.com/.well-known/oauth-protected-resource");
    assert_eq!(
        Refusal::NoToken.www_authenticate(metadata),
        r#"Bearer resource_metadata="https://api.example.com/.well-known/oauth-protected-resource""#
    );
    assert_eq!(Refusal::NoToken.www_authenticate(None), "Bearer");
    let missing = verify_access(&ES256.access_token()).unwrap().require_scope("ad\"min\r\nx: y").unwrap_err();
    assert_eq!((missing.status(), missing.error_code()), (403, "insufficient_scope"));
    assert_eq!(
        missing.www_authenticate(None),
        r#"Bearer error="insufficient_scope", error_description="the token lacks a scope this needs", scope="adminx: y""#
    );
    assert_eq!(
        (Refusal::AlgorithmNone.status(), Refusal::AlgorithmNone.error_code()),
        (401, "invalid_token")
    );
}

#[test]
fn the_token_comes_from_the_header_alone() {
    for header in ["Bearer abc.def", "bearer abc.def", "BEARER  abc.def "] {
        assert_eq!(bearer_token(Some(header)), Ok("abc.def"), "{header}");
    }
    for header in [None, Some(""), Some("Basic YTpi"), Some("DPoP abc"), Some("Bearerabc")] {
        assert_eq!(bearer_token(header), Err(Refusal::NoToken), "{header:?}");
    }
    for header in ["Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer a\tb", "Bearer ä"] {
        let refusal = bearer_token(Some(header)).unwrap_err();
        assert_eq!((refusal.status(), refusal.error_code()), (400, "invalid_request"), "{header}");
    }
}
