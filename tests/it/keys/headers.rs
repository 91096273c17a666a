//! The header of a token chooses among our keys and decides nothing. Each header here is signed with our own key, so that
//! the signature holds and a check of the header alone refuses the token.
//!
//! Holds `keys/jose/verify.rs`.

use countersign::keys::jose::{self, KeyPair, VerifyingKey};
use countersign::protocol::client::SigningAlg;
use countersign::secret::base64url;
use josekit::jws::{ES256, EdDSA, JwsSigner, PS256, RS256};
use serde_json::{Value, json};

const OF_ANOTHER_ALG: &str = "the token's alg is not that of its key";
const OF_ANOTHER_KEY: &str = "no key of ours has the token's kid";
const NO_HEADER: &str = "its first part is not a JSON header with an alg";
const CRITICAL: &str = "the token's header has crit";

fn signer(alg: SigningAlg, pair: &KeyPair) -> Box<dyn JwsSigner> {
    let der = &pair.private_der;
    match alg {
        SigningAlg::RS256 => Box::new(RS256.signer_from_der(der).unwrap()),
        SigningAlg::ES256 => Box::new(ES256.signer_from_der(der).unwrap()),
        SigningAlg::PS256 => Box::new(PS256.signer_from_der(der).unwrap()),
        SigningAlg::EdDSA => Box::new(EdDSA.signer_from_der(der).unwrap()),
    }
}

/// Headers that are refused, and why.
fn refused(alg: &str) -> Vec<(String, &'static str)> {
    let others = SigningAlg::ALL.into_iter().map(SigningAlg::name).filter(|other| *other != alg);
    let mut headers: Vec<(String, &str)> = others
        .chain(["none", "HS256", "HS512", "RS512", ""])
        .map(|other| (json!({ "alg": other, "kid": "ours" }).to_string(), OF_ANOTHER_ALG))
        .collect();
    let kids =
        [json!({ "alg": alg }), json!({ "alg": alg, "kid": "other" }), json!({ "alg": alg, "kid": "" })];
    headers.extend(kids.map(|header| (header.to_string(), OF_ANOTHER_KEY)));
    for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!("exp"), json!(false)] {
        let header = json!({ "alg": alg, "kid": "ours", "crit": crit, "exp": 1, "b64": true });
        headers.push((header.to_string(), CRITICAL));
    }
    headers.extend([
        (json!({ "kid": "ours" }).to_string(), NO_HEADER),
        (format!(r#"{{"alg":"none","alg":"{alg}","kid":"ours"}}"#), NO_HEADER),
        (format!(r#"{{"alg":"{alg}","kid":"other","kid":"ours"}}"#), NO_HEADER),
    ]);
    headers
}

#[test]
fn a_header_that_is_not_of_our_key_is_refused_though_our_key_signed_it() {
    for alg in SigningAlg::ALL {
        let pair = KeyPair::generate(alg, 2048).unwrap();
        let keys = [VerifyingKey::new(alg, "ours", &pair.public_jwk).unwrap()];
        let signer = signer(alg, &pair);
        let verify = |header: &str| {
            let message = format!("{}.{}", base64url(header.as_bytes()), base64url(b"{}"));
            let signature = base64url(&signer.sign(message.as_bytes()).unwrap());
            jose::verify::<Value>(&format!("{message}.{signature}"), &keys)
        };
        let fine = json!({ "alg": alg.name(), "kid": "ours", "jwk": pair.public_jwk, "jku": "https://other.example" });
        verify(&fine.to_string()).unwrap();
        let mut wrong = refused(alg.name());
        wrong.retain(|(header, why)| !verify(header).is_err_and(|cause| cause.to_string().contains(why)));
        assert!(wrong.is_empty(), "taken, or refused for another reason: {wrong:?}");
    }
}
