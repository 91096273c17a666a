//! Public keys of clients: which are taken, and what each of them verifies.
//!
//! Holds `keys/jose/foreign.rs`.

use countersign::keys::jose::{ForeignKeys, KeyPair, Mismatch};
use countersign::protocol::client::{JwkSet, SigningAlg};
use countersign::secret::base64url;
use josekit::jws::{ES256, EdDSA, JwsSigner, PS256, RS256};
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use serde_json::{Value, json};

fn parsed(jwk: &Value) -> ForeignKeys {
    ForeignKeys::parse(&JwkSet::read(&json!({ "keys": [jwk] })).unwrap())
}

fn signed(alg: SigningAlg, pair: &KeyPair) -> Vec<u8> {
    let der = &pair.private_der;
    let signer: Box<dyn JwsSigner> = match alg {
        SigningAlg::RS256 => Box::new(RS256.signer_from_der(der).unwrap()),
        SigningAlg::ES256 => Box::new(ES256.signer_from_der(der).unwrap()),
        SigningAlg::PS256 => Box::new(PS256.signer_from_der(der).unwrap()),
        SigningAlg::EdDSA => Box::new(EdDSA.signer_from_der(der).unwrap()),
    };
    signer.sign(b"message").unwrap()
}

/// A key verifies its own algorithms and no other, narrowed by what the JWK says of itself.
#[test]
fn one_key_verifies_what_it_is_for() {
    let [rsa, ec, ed] = [SigningAlg::RS256, SigningAlg::ES256, SigningAlg::EdDSA]
        .map(|alg| KeyPair::generate(alg, 2048).unwrap());
    let with = |pair: &KeyPair, more: Value| {
        let mut jwk = pair.public_jwk.clone();
        jwk.extend(more.as_object().unwrap().clone());
        Value::Object(jwk)
    };
    for (pair, more, verifies) in [
        (&rsa, json!({}), &["RS256", "PS256"][..]),
        (&rsa, json!({ "alg": "PS256" }), &["PS256"]),
        (&rsa, json!({ "alg": "RS256", "use": "sig", "key_ops": ["verify"] }), &["RS256"]),
        (&rsa, json!({ "alg": "RSA-OAEP-256" }), &[]),
        (&rsa, json!({ "use": "enc" }), &[]),
        (&rsa, json!({ "key_ops": ["encrypt"] }), &[]),
        (&ec, json!({}), &["ES256"]),
        (&ec, json!({ "alg": "RS256" }), &[]),
        (&ec, json!({ "crv": "P-384" }), &[]),
        (&ed, json!({}), &["EdDSA"]),
        (&ed, json!({ "alg": "Ed25519" }), &["EdDSA"]),
        (&ed, json!({ "crv": "X25519" }), &[]),
    ] {
        let keys = parsed(&with(pair, more.clone()));
        assert_eq!(keys.left_out, Vec::<String>::new(), "{more}");
        assert_eq!(keys.is_empty(), verifies.is_empty(), "{more}");
        for alg in SigningAlg::ALL {
            let fits = verifies.contains(&alg.name());
            let verified = keys.verify(alg, None, b"message", b"nonsense");
            assert_eq!(verified, Err(if fits { Mismatch::Wrong } else { Mismatch::NoKey }), "{more} {alg:?}");
            if fits {
                let signature = signed(alg, pair);
                assert_eq!(keys.verify(alg, None, b"message", &signature), Ok(()));
                assert_eq!(keys.verify(alg, None, b"another", &signature), Err(Mismatch::Wrong));
            }
        }
    }
}

/// Numbers that are no key, or one that is too weak or takes too long.
#[test]
fn a_broken_or_weak_key_is_left_out_and_named() {
    let weak = KeyPair::of(&PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap()).unwrap();
    let good = KeyPair::generate(SigningAlg::RS256, 2048).unwrap();
    let n = good.public_jwk["n"].as_str().unwrap();
    let padded = base64url(&[&[0; 200], &[0xFF; 100][..]].concat());
    let huge = base64url(&[0xFF; 1025]);
    let ones = base64url(&[1; 32]);
    for jwk in [
        Value::Object(weak.public_jwk),
        json!({ "kty": "RSA", "n": n, "e": base64url(&[1]) }),
        json!({ "kty": "RSA", "n": n, "e": base64url(&[2]) }),
        json!({ "kty": "RSA", "n": n, "e": base64url(&[0xFF; 5]) }),
        json!({ "kty": "RSA", "n": n }),
        json!({ "kty": "RSA", "n": "!", "e": "AQAB" }),
        json!({ "kty": "RSA", "n": padded, "e": "AQAB" }),
        json!({ "kty": "RSA", "n": huge, "e": "AQAB" }),
        // Not on the curve; and a coordinate that is too short.
        json!({ "kty": "EC", "crv": "P-256", "x": ones, "y": ones }),
        json!({ "kty": "EC", "crv": "P-256", "x": "AQAB", "y": ones }),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "AQAB" }),
    ] {
        let mut named = jwk.clone();
        named["kid"] = json!("broken");
        let keys = parsed(&named);
        assert!(keys.is_empty() && !keys.left_out.is_empty(), "{jwk:.80}");
        assert!(
            keys.left_out.iter().all(|why| why.starts_with("key broken cannot verify")),
            "{:?}",
            keys.left_out
        );
    }
}
