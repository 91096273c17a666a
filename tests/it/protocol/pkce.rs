//! PKCE: what a challenge may be, and which verifier meets it.

use countersign::protocol::pkce::{ChallengeFault, CodeChallenge};
use countersign::secret::{base64url, sha256};
use proptest::prelude::*;

use crate::support::rp::{CHALLENGE, VERIFIER};

#[test]
fn a_challenge_is_met_by_its_own_verifier() {
    let challenge = CodeChallenge::parse(Some(CHALLENGE), Some("S256"), true).unwrap().unwrap();
    assert!(challenge.is_met_by(VERIFIER));
    let longer = format!("{VERIFIER}x");
    for wrong in ["", CHALLENGE, &VERIFIER[1..], &longer, &VERIFIER.to_lowercase(), &VERIFIER[..42]] {
        assert!(!challenge.is_met_by(wrong), "{wrong}");
    }
    for (length, fine) in [(42, false), (43, true), (128, true), (129, false)] {
        let verifier = "~".repeat(length);
        let challenge = base64url(&sha256(verifier.as_bytes()));
        let challenge = CodeChallenge::parse(Some(&challenge), Some("S256"), true).unwrap().unwrap();
        assert_eq!(challenge.is_met_by(&verifier), fine, "{length}");
    }
}

#[test]
fn the_parameters_of_pkce() {
    use ChallengeFault::{Malformed, MethodAlone, Missing, NotS256};
    let padded = format!("{CHALLENGE}=");
    for (challenge, method, required, expected) in [
        (Some(CHALLENGE), Some("S256"), true, Ok(true)),
        (Some(CHALLENGE), Some("S256"), false, Ok(true)),
        (None, None, false, Ok(false)),
        (None, None, true, Err(Missing)),
        (None, Some("S256"), false, Err(MethodAlone)),
        (None, Some("S256"), true, Err(MethodAlone)),
        (Some(CHALLENGE), None, false, Err(NotS256)),
        (Some(CHALLENGE), Some("plain"), false, Err(NotS256)),
        (Some(CHALLENGE), Some("s256"), true, Err(NotS256)),
        (Some(VERIFIER), Some("plain"), true, Err(NotS256)),
        (Some(VERIFIER), Some("S256"), true, Err(Malformed)),
        (Some(&CHALLENGE[..42]), Some("S256"), true, Err(Malformed)),
        (Some(&padded), Some("S256"), true, Err(Malformed)),
        (Some("vYNHd8OhS1+DyRzkrZ+joLO+9sp78UJ+Hs8arlPwz2M"), Some("S256"), true, Err(Malformed)),
    ] {
        let parsed = CodeChallenge::parse(challenge, method, required).map(|challenge| challenge.is_some());
        assert_eq!(parsed, expected, "{challenge:?} {method:?} {required}");
    }
}

proptest! {
    #[test]
    fn no_other_verifier_meets_a_challenge(verifier in "[A-Za-z0-9._~-]{43,128}", other in "[A-Za-z0-9._~-]{43,128}") {
        let challenge = base64url(&sha256(verifier.as_bytes()));
        let challenge = CodeChallenge::parse(Some(&challenge), Some("S256"), true).unwrap().unwrap();
        prop_assert!(challenge.is_met_by(&verifier));
        prop_assert_eq!(challenge.is_met_by(&other), other == verifier);
    }
}
