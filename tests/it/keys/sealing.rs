//! Sealing: nothing changed, cut, moved or taken for something else opens.

use countersign::ids::{GrantId, RecordId, SessionId};
use countersign::keys::seal::{Unsealable, open as unseal, seal};
use countersign::protocol::client::SigningAlg;
use proptest::prelude::*;
use serde_json::json;

use super::{database, given, instance, key_text, open, refused};
use crate::store::{Store, execute, lines};
use crate::support::log;
use crate::support::rp::header;

#[test]
fn every_single_changed_byte_is_refused() {
    let keys = instance(&key_text());
    for plain in [&b""[..], b"x", b"some text of a length that is no multiple of sixteen"] {
        let sealed = seal(&keys, "test", b"bound", plain);
        assert_eq!(unseal(&keys, "test", b"bound", &sealed).unwrap(), plain);
        for position in 0..sealed.len() {
            for change in [0x01, 0x80, 0xFF] {
                let mut changed = sealed.clone();
                changed[position] ^= change;
                let refused = unseal(&keys, "test", b"bound", &changed).unwrap_err();
                assert_eq!(matches!(refused, Unsealable::UnknownKey(_)), position < 8, "byte {position}");
            }
        }
        for length in 0..sealed.len() {
            assert!(unseal(&keys, "test", b"bound", &sealed[..length]).is_err(), "cut to {length}");
        }
        assert!(unseal(&keys, "test", b"bound", &[&sealed[..], b"\0"].concat()).is_err(), "longer");
    }
}

#[test]
fn another_purpose_binding_or_key_is_refused() {
    let keys = instance(&key_text());
    let sealed = seal(&keys, "ticket", b"browser", b"plain");
    for (purpose, bound) in [
        ("signing key", &b"browser"[..]),
        ("", b"browser"),
        ("ticke", b"tbrowser"),
        ("ticket", b""),
        ("ticket", b"browser\0"),
    ] {
        assert_eq!(unseal(&keys, purpose, bound, &sealed), Err(Unsealable::Tampered), "{purpose} {bound:?}");
    }
    let others = instance(&key_text());
    assert!(matches!(unseal(&others, "ticket", b"browser", &sealed), Err(Unsealable::UnknownKey(_))));
    assert_ne!(seal(&keys, "ticket", b"browser", b"plain"), sealed, "two sealings never look alike");
}

proptest! {
    #[test]
    fn what_was_sealed_opens_and_noise_does_not(plain in any::<Vec<u8>>(), bound in any::<Vec<u8>>(), noise in any::<Vec<u8>>()) {
        let keys = instance("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
        let sealed = seal(&keys, "test", &bound, &plain);
        prop_assert_eq!(unseal(&keys, "test", &bound, &sealed), Ok(plain));
        prop_assert!(unseal(&keys, "test", &bound, &noise).is_err());
        let ours_in_front = [&sealed[..8], &noise].concat();
        prop_assert!(unseal(&keys, "test", &bound, &ours_in_front).is_err());
    }
}

/// A row that was damaged, or copied from another row, is named in the log and takes no other key down:
/// where it signed, another one does.
#[test]
fn one_bad_key_never_takes_the_others_down() {
    log::start();
    let text = key_text();
    let sealed_private = "UPDATE signing_keys SET private_sealed =";
    for (damage, stays_public) in [
        (format!("{sealed_private} substr(private_sealed, 1, 60) WHERE kid = '$A'"), true),
        (format!("{sealed_private} x''  WHERE kid = '$A'"), true),
        (format!("{sealed_private} NULL WHERE kid = '$A'"), true),
        (
            format!(
                "{sealed_private} (SELECT private_sealed FROM signing_keys WHERE kid = '$B') WHERE kid = '$A'"
            ),
            true,
        ),
        ("UPDATE signing_keys SET public_jwk = 'no JSON' WHERE kid = '$A'".into(), false),
        ("UPDATE signing_keys SET public_jwk = '{}' WHERE kid = '$A'".into(), false),
        ("UPDATE signing_keys SET alg = 'none' WHERE kid = '$A'".into(), false),
        ("UPDATE signing_keys SET state = 'retired' WHERE kid = '$A'".into(), false),
    ] {
        let Store { db, _folder, .. } = database();
        open(&db, &given(&text)).unwrap();
        let kids = lines(&db, "SELECT kid AS line FROM signing_keys ORDER BY kid");
        let damage = damage.replace("$A", &kids[0]).replace("$B", &kids[1]);
        assert_eq!(execute(&db, &damage).unwrap(), 1, "{damage}");
        let keys = open(&db, &given(&text)).unwrap();
        let snapshot = keys.snapshot.load();
        assert_eq!(snapshot.algorithms(), SigningAlg::ALWAYS, "{damage}");
        let signed = SigningAlg::ALWAYS.map(|alg| snapshot.sign(alg, "JWT", &json!({})).unwrap());
        let signed_by = signed.map(|token| header(&token.into())["kid"].as_str().unwrap().to_owned());
        assert!(!signed_by.contains(&kids[0]) && signed_by.contains(&kids[1]), "{damage}");
        let jwks = String::from_utf8(snapshot.jwks.bytes.to_vec()).unwrap();
        assert_eq!(jwks.contains(&kids[0]), stays_public, "{damage}: {jwks}");
        assert!(signed_by.iter().all(|kid| jwks.contains(kid)), "{damage}: {jwks}");
        let named = log::of_requests(&kids[..1]);
        assert!(named.iter().any(|line| line.contains("ERROR")), "{damage}: {named:?}");
        let again = open(&db, &given(&text)).unwrap();
        assert_eq!(again.snapshot.load().jwks.bytes, snapshot.jwks.bytes, "made good once");
    }
}

#[test]
fn a_damaged_secret_is_named() {
    for damage in [
        "UPDATE secrets SET sealed = x'00' WHERE name = 'sid'",
        "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'session reference')",
    ] {
        let (Store { db, _folder, .. }, text) = (database(), key_text());
        open(&db, &given(&text)).unwrap();
        assert!(execute(&db, damage).unwrap() > 0, "{damage}");
        let refusal = refused(&db, &given(&text));
        assert!(refusal.contains("sid") && refusal.contains("cannot be opened"), "{damage}: {refusal}");
        assert!(!refusal.contains(&text), "{refusal}");
    }
}

#[test]
fn a_row_sealed_with_a_key_that_is_gone_names_that_key() {
    let (old, new) = (key_text(), key_text());
    let Store { db, _folder, .. } = database();
    open(&db, &given(&old)).unwrap();
    let new_name = instance(&new).fingerprints().remove(0);
    execute(&db, &format!("UPDATE facts SET value = '{new_name}' WHERE name = 'instance_key'")).unwrap();
    let refusal = refused(&db, &given(&new));
    let old_name = instance(&old).fingerprints().remove(0);
    assert!(refusal.contains(&old_name) && refusal.contains(&new_name), "{refusal}");
}

/// What an access token says of its session is readable here alone, and differs from grant to grant.
#[test]
fn a_hidden_session_is_revealed_to_its_own_grant_only() {
    let Store { db, _folder, .. } = database();
    let keys = open(&db, &given(&key_text())).unwrap();
    let (grant, other) = (GrantId::generate(), GrantId::generate());
    let session = (RecordId::generate(), SessionId::generate());
    let hidden = keys.hide_session(session.0, session.1, grant);
    assert_eq!(hidden.len(), 43);
    assert_eq!(keys.reveal_session(&hidden, grant), Some(session));
    assert_ne!(keys.reveal_session(&hidden, other), Some(session));
    let again = keys.hide_session(session.0, session.1, other);
    assert!(again[..20] != hidden[..20] && again[22..] != hidden[22..], "nothing in common");
    for bad in ["", "x", &hidden[..42], &format!("{hidden}A"), &"!".repeat(43)] {
        assert_eq!(keys.reveal_session(bad, grant), None, "{bad}");
    }
}
