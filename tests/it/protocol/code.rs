//! Redeeming a code: only who asked for it can.

use countersign::ids::{GrantId, RecordId, SessionId};
use countersign::protocol::claims::at_hash;
use countersign::protocol::client::SigningAlg;
use countersign::protocol::code::{CodeGrant, SpentCode};
use countersign::protocol::grant::{Authenticated, Grant};
use countersign::protocol::named_claims::NamedClaims;
use countersign::protocol::pkce::CodeChallenge;
use countersign::protocol::resource::Resources;
use countersign::protocol::scope::Scope;
use serde_json::json;
use time::OffsetDateTime;

use super::params;
use crate::support::rp::{CHALLENGE, VERIFIER};

const REDIRECT: &str = "https://app.example/cb?x=1";
const API: &str = "https://api.example";
const PAY: &str = "https://pay.example";

fn grant(with_pkce: bool) -> CodeGrant {
    let challenge = with_pkce.then_some(CHALLENGE);
    let grant = Grant {
        id: GrantId::generate(),
        scope: Scope::parse("openid email"),
        claims: NamedClaims::default(),
        resources: vec![API.into(), PAY.into()],
        person: Authenticated {
            user_id: "ada".into(),
            auth_time: OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap(),
            acr: "1".into(),
            amr: vec!["pwd".into()],
            record: RecordId::generate(),
            session_id: SessionId::generate(),
        },
    };
    CodeGrant {
        grant,
        issued_at: OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap(),
        redirect_uri: REDIRECT.into(),
        code_challenge: CodeChallenge::parse(challenge, challenge.map(|_| "S256"), false).unwrap(),
        nonce: Some("n".into()),
    }
}

#[test]
fn who_redeems_must_be_who_asked() {
    let other = VERIFIER.replace('p', "q");
    for (with_pkce, redirect, verifier, fine) in [
        (true, Some(REDIRECT), Some(VERIFIER), true),
        (true, None, Some(VERIFIER), true),
        (true, Some(REDIRECT), None, false),
        (true, None, None, false),
        (true, Some(REDIRECT), Some(other.as_str()), false),
        (true, Some(REDIRECT), Some(CHALLENGE), false),
        (true, Some("https://app.example/cb"), Some(VERIFIER), false),
        (true, Some("https://app.example/cb?x=1&"), Some(VERIFIER), false),
        (false, Some(REDIRECT), None, true),
        (false, None, None, false),
        // A verifier without a challenge: somebody took the challenge out on the way.
        (false, Some(REDIRECT), Some(VERIFIER), false),
        (false, Some("https://app.example/CB?x=1"), None, false),
    ] {
        let mut sent = vec![];
        sent.extend(redirect.map(|redirect| ("redirect_uri", redirect)));
        sent.extend(verifier.map(|verifier| ("code_verifier", verifier)));
        let grant = grant(with_pkce);
        let kept = SpentCode::from_bytes(&grant.spent().to_bytes()).unwrap();
        assert_eq!(kept, grant.spent());
        assert_eq!((kept.grant_id, kept.user_id.as_str()), (grant.grant.id, "ada"));
        let params = params(&sent, &["redirect_uri", "code_verifier"]);
        // A replay is judged by the same rule.
        for checked in [grant.check(&params), kept.check(&params)] {
            assert_eq!(checked.is_ok(), fine, "{with_pkce} {sent:?}");
            let Err(failure) = checked else { continue };
            assert_eq!(failure.error.code, "invalid_grant");
            assert_eq!(
                failure.error.description, "the authorization code is not valid",
                "one answer for all"
            );
        }
    }
}

#[test]
fn what_is_kept_of_a_spent_code_is_short_and_read_strictly() {
    for (with_pkce, length) in [(true, 52), (false, 36)] {
        let bytes = grant(with_pkce).spent().to_bytes();
        assert_eq!(bytes.len(), length);
        for cut in 0..length - 3 {
            assert_eq!(SpentCode::from_bytes(&bytes[..cut]), None, "cut to {cut}");
        }
    }
}

#[test]
fn a_token_can_be_for_fewer_resources_but_not_for_others() {
    let declared = json!([
        { "uri": API, "scopes": ["read"] }, { "uri": PAY, "scopes": ["pay"] },
        { "uri": "https://free.example", "scopes": ["free"], "default": true },
    ]);
    let declared = Resources::new(serde_json::from_value(declared).unwrap()).unwrap();
    let narrow = |grant: Grant, asked: &[&str]| {
        let asked: Vec<(&str, &str)> = asked.iter().map(|uri| ("resource", *uri)).collect();
        let narrowed = grant.narrow(&declared, "https://id.example", &params(&asked, &["resource"]));
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

#[test]
fn a_stored_grant_is_read_back_whole() {
    let bare = Grant { resources: vec![], ..grant(true).grant };
    for grant in [grant(true), grant(false), CodeGrant { nonce: None, grant: bare, ..grant(true) }] {
        let stored = serde_json::to_vec(&grant).unwrap();
        let read: CodeGrant = serde_json::from_slice(&stored).unwrap();
        assert_eq!(format!("{read:?}"), format!("{grant:?}"));
    }
}

#[test]
fn at_hash_is_half_the_hash_of_the_id_tokens_algorithm() {
    // By `printf %s TOKEN | openssl dgst -shaN -binary | head -c HALF | basenc --base64url`.
    let (sha256, sha512) = ("ZlmqiRYTL0xOmBlhp6OD2A", "-HOEiZMM2_ptHvXmm8f1YkY457edngFLONLVGqzRLrk");
    for alg in SigningAlg::ALL {
        let expected = if alg == SigningAlg::EdDSA { sha512 } else { sha256 };
        assert_eq!(at_hash(alg, "sample.access.token-value_01"), expected, "{alg:?}");
    }
}
