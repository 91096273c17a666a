//! Scopes, PKCE and prompt.

use countersign::protocol::pkce::{ChallengeFault, CodeChallenge};
use countersign::protocol::request::Prompt;
use countersign::protocol::scope::{Scope, is_name};
use countersign::secret::{Key, base64url, random, sha256};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use proptest::prelude::*;

use crate::support::rp::{CHALLENGE, VERIFIER};

#[test]
fn a_scope_is_a_sorted_set_of_names() {
    for (text, shown) in [
        ("openid", "openid"),
        ("profile openid email openid", "email openid profile"),
        ("", ""),
        ("   ", ""),
        ("  openid   email ", "email openid"),
        ("OpenID openid", "OpenID openid"),
        ("a\tb", ""),
        ("a\"b c\\d é x", "x"),
        ("https://api.example/read a:b", "a:b https://api.example/read"),
    ] {
        assert_eq!(Scope::parse(text).to_string(), shown, "{text:?}");
    }
    let (small, large) = (Scope::parse("openid email"), Scope::parse("openid email profile"));
    assert!(large.covers(&small) && !small.covers(&large) && small.covers(&Scope::default()));
    assert_eq!(small.union(&Scope::parse("phone")).to_string(), "email openid phone");
    assert_eq!(large.filter(|name| name != "email").to_string(), "openid profile");
    assert!(!is_name("") && !is_name("a b") && is_name("!#[]~") && !is_name("a\u{7F}"));
}

/// Drawn ahead, but every byte given to one alone.
#[test]
fn randomness_never_repeats() {
    let mut seen: Vec<Vec<u8>> = vec![];
    for _ in 0..500 {
        seen.push(random::<16>().to_vec());
        seen.push(random::<10>().to_vec());
        seen.push(random::<32>().to_vec());
        seen.push(random::<256>().to_vec());
    }
    let elsewhere = std::thread::spawn(|| random::<16>().to_vec());
    seen.push(elsewhere.join().unwrap());
    let mut runs: Vec<&[u8]> = seen.iter().flat_map(|drawn| drawn.windows(8)).collect();
    let all = runs.len();
    runs.sort_unstable();
    runs.dedup();
    assert_eq!(runs.len(), all);
}

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

#[test]
fn prompt_reads_what_it_knows_and_refuses_a_contradiction() {
    let is = |none, login, consent| Ok(Prompt { none, login, consent, select_account: false });
    let contradiction = Prompt::parse(Some("none login"));
    assert!(contradiction.is_err());
    for (text, expected) in [
        (None, is(false, false, false)),
        (Some(""), is(false, false, false)),
        (Some("none"), is(true, false, false)),
        (Some("none none"), is(true, false, false)),
        (Some("login"), is(false, true, false)),
        (Some("consent login"), is(false, true, true)),
        (Some(" login  consent "), is(false, true, true)),
        (Some("login select_account"), Ok(Prompt { login: true, select_account: true, ..Prompt::default() })),
        (Some("none select_account"), contradiction),
        (Some("Login"), is(false, false, false)),
        (Some("unheard-of login"), is(false, true, false)),
        (Some("login none"), contradiction),
        (Some("none consent"), contradiction),
        (Some("none unheard-of"), contradiction),
    ] {
        assert_eq!(Prompt::parse(text), expected, "{text:?}");
    }
}

proptest! {
    /// A second opinion on hashing and authenticating.
    #[test]
    fn openssl_itself_hashes_and_authenticates_alike(
        key: [u8; 32], parts: Vec<Vec<u8>>,
    ) {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let whole = parts.concat();
        prop_assert_eq!(&sha256(&whole)[..], &*openssl::hash::hash(MessageDigest::sha256(), &whole).unwrap());
        let theirs = PKey::hmac(&key).unwrap();
        let mut theirs = Signer::new(MessageDigest::sha256(), &theirs).unwrap();
        theirs.update(&whole).unwrap();
        prop_assert_eq!(&Key::new(key).mac(&parts)[..], &theirs.sign_to_vec().unwrap());
    }

    #[test]
    fn equal_sets_are_equal_texts(names in prop::collection::vec("[a-z:./]{1,6}", 0..6), seed in any::<u64>()) {
        let mut shuffled = names.clone();
        shuffled.rotate_left(usize::try_from(seed % 7).unwrap().min(names.len()));
        let (one, two) = (Scope::parse(&names.join(" ")), Scope::parse(&shuffled.join("  ")));
        prop_assert_eq!(one.to_string(), two.to_string());
        prop_assert_eq!(Scope::parse(&one.to_string()), one.clone());
        prop_assert!(one.covers(&two) && one.union(&two) == one);
        let json = serde_json::to_value(&one).unwrap();
        prop_assert_eq!(serde_json::from_value::<Scope>(json).unwrap(), one);
    }

    #[test]
    fn any_text_is_read_as_some_scope(text in "\\PC{0,40}") {
        let scope = Scope::parse(&text);
        prop_assert!(scope.names().all(is_name));
    }

    #[test]
    fn no_other_verifier_meets_a_challenge(verifier in "[A-Za-z0-9._~-]{43,128}", other in "[A-Za-z0-9._~-]{43,128}") {
        let challenge = base64url(&sha256(verifier.as_bytes()));
        let challenge = CodeChallenge::parse(Some(&challenge), Some("S256"), true).unwrap().unwrap();
        prop_assert!(challenge.is_met_by(&verifier));
        prop_assert_eq!(challenge.is_met_by(&other), other == verifier);
    }
}
