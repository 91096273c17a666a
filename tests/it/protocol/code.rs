//! Redeeming a code: only who asked for it can.

use countersign::ids::{GrantId, RecordId, SessionId};
use countersign::protocol::code::{CodeGrant, SpentCode};
use countersign::protocol::grant::{Authenticated, Grant};
use countersign::protocol::named_claims::NamedClaims;
use countersign::protocol::pkce::CodeChallenge;
use countersign::protocol::scope::Scope;
use time::{Duration, OffsetDateTime};

use super::params;
use crate::support::rp::{CHALLENGE, VERIFIER};

const REDIRECT: &str = "https://app.example/cb?x=1";
pub const API: &str = "https://api.example";
pub const PAY: &str = "https://pay.example";

pub fn grant(with_pkce: bool) -> CodeGrant {
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
            session_id: SessionId::generate(),
        },
    };
    CodeGrant {
        grant,
        record: RecordId::generate(),
        agreed_at: OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap(),
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
fn a_stored_grant_is_read_back_whole() {
    let bare = Grant { resources: vec![], ..grant(true).grant };
    for grant in [grant(true), grant(false), CodeGrant { nonce: None, grant: bare, ..grant(true) }] {
        let stored = serde_json::to_vec(&grant).unwrap();
        let read: CodeGrant = serde_json::from_slice(&stored).unwrap();
        assert_eq!(format!("{read:?}"), format!("{grant:?}"));
    }
}

/// One second before its end, at it, and after it; a shorter lifetime counts for codes that exist.
#[test]
fn a_code_is_as_old_as_the_lifetime_allows() {
    for lifetime in [20, 60].map(Duration::seconds) {
        let code = grant(true);
        for (age, fine) in [
            (Duration::ZERO, true),
            (lifetime - Duration::SECOND, true),
            (lifetime, false),
            (lifetime + Duration::SECOND, false),
        ] {
            let checked = code.check_age(lifetime, code.issued_at + age);
            assert_eq!(checked.is_ok(), fine, "{lifetime} {age}");
            assert!(checked.err().is_none_or(|refusal| refusal.error.code == "invalid_grant"));
        }
    }
}
