//! The public set, and tokens as strangers verify them.
//!
//! Holds `keys/jose.rs`, `keys/jose/verify.rs`, `keys/rsa.rs`.

use countersign::db::Db;
use countersign::keys::jose::{self, KeyPair, Signer, VerifyingKey, thumbprint};
use countersign::keys::key_set::Keys;
use countersign::keys::policy::KeyPolicy;
use countersign::protocol::client::SigningAlg;
use countersign_verifier::{Check, KeySet, verify};
use data_encoding::BASE64URL_NOPAD;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::{Padding, Rsa};
use openssl::sha::sha256;
use openssl::sign::RsaPssSaltlen;
use serde_json::{Map, Value, json};

use super::{database, given, key_text, now, open, policy};
use crate::store::Store;

const ISSUER: &str = "https://id.example";

fn bytes(value: &Value) -> Vec<u8> {
    BASE64URL_NOPAD.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn set(keys: &Keys) -> Vec<Map<String, Value>> {
    let set: Value = serde_json::from_slice(&keys.snapshot.load().jwks.bytes).unwrap();
    set["keys"].as_array().unwrap().iter().map(|key| key.as_object().unwrap().clone()).collect()
}

fn keys(db: &Db) -> Keys {
    let policy = KeyPolicy { algorithms: SigningAlg::ALL.to_vec(), ..policy() };
    Keys::open(db, &given(&key_text()), &policy, now()).unwrap()
}

fn claims() -> Value {
    let now = now().unix_timestamp();
    json!({ "iss": ISSUER, "sub": "ada", "aud": "app", "client_id": "app", "jti": "j", "nonce": "n",
        "iat": now, "exp": now + 600, "scope": "openid" })
}

#[test]
fn the_thumbprint_is_the_one_of_the_standard() {
    let jwk = json!({ "crv": "P-256", "kty": "EC", "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
        "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU", "kid": "ignored", "use": "sig" });
    assert_eq!(thumbprint(jwk.as_object().unwrap()), "xx0BcA-wMohw8atYDJOe6peGModklG2wRHBlXHMvl0M");
    // The example of RFC 7638 §3.1.
    let rsa = json!({ "kty": "RSA", "alg": "RS256", "kid": "2011-04-29", "e": "AQAB",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw" });
    assert_eq!(thumbprint(rsa.as_object().unwrap()), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

/// What OpenSSL leaves in its queue would be taken for an error of the next TLS connection of this thread.
#[test]
fn no_bad_signature_leaves_an_error_behind() {
    let Store { db, _folder, .. } = database();
    let snapshot = keys(&db).snapshot.load_full();
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let (mut order, mut context) = (BigNum::new().unwrap(), openssl::bn::BigNumContext::new().unwrap());
    group.order(&mut order, &mut context).unwrap();
    let order = order.to_vec_padded(32).unwrap();
    let (zero, one, most) = (vec![0; 32], [vec![0; 31], vec![1]].concat(), vec![255; 32]);
    for alg in SigningAlg::ALL {
        let token = snapshot.sign(alg, "JWT", &claims()).unwrap();
        let (message, good) = token.rsplit_once('.').unwrap();
        let mut bad: Vec<Vec<u8>> = [&zero, &one, &order, &most]
            .iter()
            .flat_map(|r| [&zero, &one, &order, &most].map(|s| [r.as_slice(), s].concat()))
            .collect();
        bad.extend([vec![], vec![0; 63], vec![0; 65], vec![0; 256], vec![255; 256]]);
        assert!(snapshot.verify::<Value>(&format!("{message}.{good}")).is_ok());
        for signature in bad {
            let token = format!("{message}.{}", BASE64URL_NOPAD.encode(&signature));
            assert!(snapshot.verify::<Value>(&token).is_err(), "{token}");
            let left = ErrorStack::get();
            assert!(left.errors().is_empty(), "{token}: {left}");
        }
    }
}

#[test]
fn the_public_set_holds_one_key_of_each_kind_and_nothing_private() {
    let Store { db, _folder, .. } = database();
    let keys = set(&keys(&db));
    // With two names for its algorithm, a key on Ed25519 carries none.
    let algs: Vec<&str> = keys.iter().filter_map(|key| key.get("alg")?.as_str()).collect();
    let named = SigningAlg::ALL.into_iter().filter(|alg| *alg != SigningAlg::EdDSA);
    assert!(named.into_iter().all(|alg| algs.contains(&alg.name())), "{algs:?}");
    assert_eq!((keys.len(), algs.len()), (4, 3));
    for key in keys {
        assert_eq!(key["use"], "sig");
        assert_eq!(key["kid"], Value::from(thumbprint(&key)));
        let members: Vec<&str> = key.keys().map(String::as_str).collect();
        let mut allowed = match key["kty"].as_str().unwrap() {
            "RSA" => vec!["kty", "n", "e", "kid", "use", "alg"],
            "OKP" => vec!["kty", "crv", "x", "kid", "use"],
            _ => vec!["kty", "crv", "x", "y", "kid", "use", "alg"],
        };
        let mut members = members;
        members.sort_unstable();
        allowed.sort_unstable();
        assert_eq!(members, allowed);
        match key["kty"].as_str().unwrap() {
            "RSA" => assert!(bytes(&key["n"]).len() == 256 && bytes(&key["e"]) == [1, 0, 1]),
            "OKP" => assert!(key["crv"] == "Ed25519" && bytes(&key["x"]).len() == 32),
            _ => {
                assert!(
                    key["crv"] == "P-256" && bytes(&key["x"]).len() == 32 && bytes(&key["y"]).len() == 32
                );
            }
        }
    }
}

#[test]
fn the_set_and_its_tag_are_the_same_after_a_restart() {
    let (Store { db, _folder, .. }, text) = (database(), key_text());
    let first = open(&db, &given(&text)).unwrap().snapshot.load_full();
    let second = open(&db, &given(&text)).unwrap().snapshot.load_full();
    assert_eq!((&first.jwks.bytes, &first.jwks.etag), (&second.jwks.bytes, &second.jwks.etag));
    assert!(first.jwks.etag.starts_with('"') && first.jwks.etag.ends_with('"'), "{}", first.jwks.etag);
    let Store { db: other, _folder, .. } = database();
    assert_ne!(keys(&other).snapshot.load().jwks.etag, first.jwks.etag);
}

#[test]
fn the_verifier_crate_accepts_our_tokens() {
    let Store { db, _folder, .. } = database();
    let keys = keys(&db);
    let snapshot = keys.snapshot.load();
    let published = KeySet::from_json(&snapshot.jwks.bytes).unwrap();
    assert_eq!(published.len(), 4);
    for alg in SigningAlg::ALL {
        let mut of_id_token = claims();
        of_id_token.as_object_mut().unwrap().remove("client_id");
        of_id_token.as_object_mut().unwrap().remove("scope");
        let id_token = snapshot.sign(alg, "JWT", &of_id_token).unwrap();
        verify(&id_token, &published, &Check::id_token(ISSUER, "app"), now()).unwrap();
        let access_token = snapshot.sign(alg, "at+jwt", &claims()).unwrap();
        let said = verify(&access_token, &published, &Check::access_token(ISSUER, "app"), now());
        assert_eq!(said.unwrap().sub, "ada");
        assert!(verify(&id_token, &published, &Check::access_token(ISSUER, "app"), now()).is_err(), "by typ");
    }
}

fn rsa(key: &Map<String, Value>) -> PKey<Public> {
    let number = |name: &str| BigNum::from_slice(&bytes(&key[name])).unwrap();
    PKey::from_rsa(Rsa::from_public_components(number("n"), number("e")).unwrap()).unwrap()
}

fn ec(key: &Map<String, Value>) -> EcKey<Public> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let number = |name: &str| BigNum::from_slice(&bytes(&key[name])).unwrap();
    EcKey::from_public_key_affine_coordinates(&group, &number("x"), &number("y")).unwrap()
}

/// By hand, with nothing but the published set and a cryptographic library.
#[test]
fn openssl_accepts_our_tokens() {
    let Store { db, _folder, .. } = database();
    let keys = keys(&db);
    for alg in SigningAlg::ALL {
        let token = keys.snapshot.load().sign(alg, "at+jwt", &claims()).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        let header = signed.split('.').next().unwrap();
        let header: Value = serde_json::from_slice(&bytes(&header.into())).unwrap();
        let key = set(&keys).into_iter().find(|key| key["kid"] == header["kid"]).unwrap();
        assert_eq!(header, json!({ "alg": alg.name(), "typ": "at+jwt", "kid": key["kid"] }));
        match alg {
            SigningAlg::RS256 => {
                let key = rsa(&key);
                let mut verifier = openssl::sign::Verifier::new(MessageDigest::sha256(), &key).unwrap();
                assert!(verifier.verify_oneshot(&signature, signed.as_bytes()).unwrap());
            }
            SigningAlg::PS256 => {
                let key = rsa(&key);
                let mut verifier = openssl::sign::Verifier::new(MessageDigest::sha256(), &key).unwrap();
                verifier.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
                verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).unwrap();
                assert!(verifier.verify_oneshot(&signature, signed.as_bytes()).unwrap());
            }
            SigningAlg::EdDSA => {
                assert_eq!((key["kty"].as_str(), key["crv"].as_str()), (Some("OKP"), Some("Ed25519")));
                let key = PKey::public_key_from_raw_bytes(&bytes(&key["x"]), Id::ED25519).unwrap();
                let mut verifier = openssl::sign::Verifier::new_without_digest(&key).unwrap();
                assert!(verifier.verify_oneshot(&signature, signed.as_bytes()).unwrap());
            }
            SigningAlg::ES256 => {
                assert_eq!(signature.len(), 64, "r and s, not DER");
                let half = |range| BigNum::from_slice(&signature[range]).unwrap();
                let pair = EcdsaSig::from_private_components(half(0..32), half(32..64)).unwrap();
                assert!(pair.verify(&sha256(signed.as_bytes()), &ec(&key)).unwrap());
            }
        }
    }
}

#[test]
fn our_own_check_takes_our_keys_only() {
    let (Store { db, _folder, .. }, Store { db: others, _folder: _other, .. }) = (database(), database());
    let (ours, theirs) = (keys(&db), keys(&others));
    let (snapshot, foreign) = (ours.snapshot.load(), theirs.snapshot.load());
    let sign = |alg| snapshot.sign(alg, "at+jwt", &claims()).unwrap();
    for alg in SigningAlg::ALL {
        let read = snapshot.verify::<Value>(&sign(alg)).unwrap();
        assert_eq!((read.typ.as_deref(), &read.claims), (Some("at+jwt"), &claims()));
        assert!(foreign.verify::<Value>(&sign(alg)).is_err(), "another provider's keys");
        let typ = snapshot.sign(alg, "application/AT+JWT", &claims()).unwrap();
        assert_eq!(snapshot.verify::<Value>(&typ).unwrap().typ.as_deref(), Some("at+jwt"));
        let token = sign(alg);
        let last = token.rfind('.').unwrap();
        for position in (0..token.len()).filter(|at| *at != last) {
            // The last character of a segment carries bits that decoders may ignore; ours must not.
            let mut changed = token.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(snapshot.verify::<Value>(&changed).is_err(), "character {position} of {}", token.len());
        }
    }
    let token = sign(SigningAlg::ES256);
    for noise in ["", ".", "..", "...", "a.b.c", &"x".repeat(17 * 1024), &format!("{token}.x")] {
        assert!(snapshot.verify::<Value>(noise).is_err());
    }
}

/// A signature that holds is not enough: the header must name that key.
#[test]
fn a_key_answers_to_its_own_name_only() {
    for alg in SigningAlg::ALL {
        let pair = KeyPair::generate(alg, 2048).unwrap();
        let keys = [VerifyingKey::new(alg, "ours", &pair.public_jwk).unwrap()];
        for (kid, fine) in [("ours", true), ("other", false), ("", false)] {
            let token = Signer::new(alg, kid, &pair.private_der).unwrap().sign("JWT", &claims()).unwrap();
            assert_eq!(jose::verify::<Value>(&token, &keys).is_ok(), fine, "{kid}");
        }
    }
}

/// Each thread keeps what it signs with; whatever is left in it must not reach the next signature.
#[test]
fn many_threads_sign_with_one_key_again_and_again() {
    for alg in SigningAlg::ALL {
        let pair = KeyPair::generate(alg, 2048).unwrap();
        let signer = Signer::new(alg, "ours", &pair.private_der).unwrap();
        let keys = [VerifyingKey::new(alg, "ours", &pair.public_jwk).unwrap()];
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (signer, keys) = (&signer, &keys);
                scope.spawn(move || {
                    for turn in 0..40 {
                        let said = json!({ "thread": thread, "turn": turn });
                        let token = signer.sign("JWT", &said).unwrap();
                        assert_eq!(jose::verify::<Value>(&token, keys).unwrap().claims, said);
                        let again = signer.sign("JWT", &said).unwrap();
                        let is_salted = matches!(alg, SigningAlg::PS256 | SigningAlg::ES256);
                        assert_eq!(token != again, is_salted, "{}", alg.name());
                    }
                });
            }
        });
    }
}

/// Neither a key of another kind nor one that is too short signs.
#[test]
fn a_key_that_does_not_fit_is_refused() {
    for other in SigningAlg::ALL {
        let pair = KeyPair::generate(other, 2048).unwrap();
        for alg in SigningAlg::ALL {
            let is_rsa = |alg| matches!(alg, SigningAlg::RS256 | SigningAlg::PS256);
            let fits = alg == other || (is_rsa(alg) && is_rsa(other));
            let made = Signer::new(alg, "kid", &pair.private_der);
            assert_eq!(made.is_ok(), fits, "{} with a key for {}", alg.name(), other.name());
        }
    }
    let short = KeyPair::generate(SigningAlg::RS256, 1024).unwrap();
    for alg in [SigningAlg::RS256, SigningAlg::PS256] {
        assert!(Signer::new(alg, "kid", &short.private_der).is_err());
    }
}

#[test]
fn a_key_that_is_none_is_refused_without_showing_it() {
    let secret = b"-----BEGIN PRIVATE KEY----- hunter2";
    for alg in SigningAlg::ALL {
        let refused = Signer::new(alg, "kid", secret).err().unwrap().to_string();
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}
