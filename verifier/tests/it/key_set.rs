//! Which keys of a set are used, and that one odd member never takes the others down.

use countersign_verifier::{Algorithm, Check, KeySet, KeySetError, verify};
use serde_json::{Value, json};

use crate::signer::{API, EDDSA, ES256, ISSUER, NOW, RS256, Signer, access_claims, all, at, b64, with};

fn usable(jwk: &Value) -> bool {
    let set = json!({ "keys": [jwk, ES256.jwk] }).to_string();
    let keys = KeySet::from_json(set.as_bytes()).unwrap();
    assert!(verify(&ES256.access_token(), &keys, &Check::access_token(ISSUER, API), at(NOW)).is_ok());
    keys.len() == 2
}

#[test]
fn keys_that_cannot_be_used_are_left_out() {
    let (rsa, ec, ed) = (&RS256.jwk, &Signer::ec("ec-9").jwk, &EDDSA.jwk);
    let change = |jwk: &Value, changes: Value| with(jwk.clone(), changes);
    let even = b64(&[&[0x80][..], &[0; 255]].concat());
    let table = [
        json!(null),
        json!("key"),
        json!({}),
        json!({ "kty": "oct", "k": "AAAA", "kid": "secret" }),
        json!({ "kty": "AKP", "alg": "ML-DSA-65", "pub": "AAAA" }),
        Signer::rsa("small", "RS256", 1024).jwk,
        change(rsa, json!({ "n": even })),
        change(rsa, json!({ "n": b64(&[0xff; 1100]) })),
        change(rsa, json!({ "n": format!("{}=", rsa["n"].as_str().unwrap()) })),
        change(rsa, json!({ "n": null })),
        change(rsa, json!({ "e": b64(&[1]) })),
        change(rsa, json!({ "e": b64(&[4]) })),
        change(rsa, json!({ "e": "" })),
        change(rsa, json!({ "d": "AAAA" })),
        change(rsa, json!({ "p": "AAAA" })),
        change(rsa, json!({ "use": "enc" })),
        change(rsa, json!({ "use": 1 })),
        change(rsa, json!({ "key_ops": ["encrypt"] })),
        change(rsa, json!({ "alg": "RS384" })),
        change(rsa, json!({ "alg": "ES256" })),
        change(rsa, json!({ "alg": "HS256" })),
        change(rsa, json!({ "alg": "none" })),
        change(rsa, json!({ "alg": "RSA-OAEP-256" })),
        change(rsa, json!({ "kid": 7 })),
        change(ec, json!({ "crv": "P-384" })),
        change(ec, json!({ "crv": "secp256k1" })),
        change(ec, json!({ "alg": "RS256" })),
        change(ec, json!({ "alg": "EdDSA" })),
        change(ec, json!({ "d": "AAAA" })),
        change(ec, json!({ "y": ec["x"] })),
        change(ec, json!({ "x": b64(&[0; 32]), "y": b64(&[0; 32]) })),
        change(ec, json!({ "x": b64(&[1; 31]) })),
        change(ed, json!({ "crv": "X25519" })),
        change(ed, json!({ "x": b64(&[1; 31]) })),
        change(ed, json!({ "alg": "ES256" })),
    ];
    for jwk in table {
        assert!(!usable(&jwk), "{jwk:#}");
    }
    let plain = json!({ "alg": null, "use": null, "kid": null });
    for jwk in [rsa, ec, ed] {
        assert!(usable(jwk) && usable(&change(jwk, plain.clone())), "{jwk:#}");
    }
    assert!(usable(&change(rsa, json!({ "alg": "PS256" }))));
    assert!(usable(&change(ed, json!({ "alg": "Ed25519" }))));
    assert!(usable(&change(rsa, json!({ "key_ops": ["verify"] }))));
}

#[test]
fn a_set_knows_its_keys() {
    let keys = KeySet::from_json(&crate::signer::jwks(all())).unwrap();
    assert_eq!(keys.kids(), ["rsa-1", "pss-1", "ec-1", "ed-1"]);
    assert_eq!((keys.len(), keys.is_empty()), (4, false));
    assert!(KeySet::from_json(br#"{"keys":[]}"#).unwrap().is_empty());
    for (text, error) in [
        ("", KeySetError::NotAnObject),
        ("[]", KeySetError::NotAnObject),
        ("{}", KeySetError::NoKeys),
        (r#"{"keys":{}}"#, KeySetError::NoKeys),
        (r#"{"keys":[],"keys":[]}"#, KeySetError::NotAnObject),
        ("<html>", KeySetError::NotAnObject),
    ] {
        assert_eq!(KeySet::from_json(text.as_bytes()).unwrap_err(), error, "{text}");
    }
}

#[test]
fn ed25519_goes_by_both_its_names() {
    let keys = KeySet::from_json(&crate::signer::jwks(all())).unwrap();
    let token = EDDSA.sign(&with(EDDSA.header(), json!({ "alg": "Ed25519" })), &access_claims());
    let claims = verify(&token, &keys, &Check::access_token(ISSUER, API), at(NOW)).unwrap();
    assert_eq!(claims.alg, Algorithm::EdDSA);
}
