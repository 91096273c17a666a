//! Keys made on the spot, and tokens signed with them; also tokens no issuer would sign.

use std::sync::LazyLock;

use countersign_verifier::{Check, Claims, KeySet, Refusal, verify};
use data_encoding::BASE64URL_NOPAD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Signer as Sign};
use serde_json::{Value, json};
use time::OffsetDateTime;

pub const ISSUER: &str = "https://id.example.com";
pub const API: &str = "https://api.example.com";
pub const CLIENT: &str = "shop";
pub const NOW: i64 = 1_800_000_000;

pub static RS256: LazyLock<Signer> = LazyLock::new(|| Signer::rsa("rsa-1", "RS256", 2048));
pub static PS256: LazyLock<Signer> = LazyLock::new(|| Signer::rsa("pss-1", "PS256", 2048));
pub static ES256: LazyLock<Signer> = LazyLock::new(|| Signer::ec("ec-1"));
pub static EDDSA: LazyLock<Signer> = LazyLock::new(|| Signer::ed25519("ed-1"));

pub fn all() -> [&'static Signer; 4] {
    [&RS256, &PS256, &ES256, &EDDSA]
}

pub struct Signer {
    pub kid: String,
    pub alg: &'static str,
    pub private: PKey<Private>,
    pub jwk: Value,
}

impl Signer {
    pub fn rsa(kid: &str, alg: &'static str, bits: u32) -> Self {
        let rsa = Rsa::generate(bits).unwrap();
        let (n, e) = (b64(&rsa.n().to_vec()), b64(&rsa.e().to_vec()));
        let jwk = json!({ "kty": "RSA", "use": "sig", "kid": kid, "alg": alg, "n": n, "e": e });
        Self { kid: kid.to_owned(), alg, private: PKey::from_rsa(rsa).unwrap(), jwk }
    }

    pub fn ec(kid: &str) -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = EcKey::generate(&group).unwrap();
        let (mut x, mut y) = (BigNum::new().unwrap(), BigNum::new().unwrap());
        let mut context = BigNumContext::new().unwrap();
        key.public_key().affine_coordinates(&group, &mut x, &mut y, &mut context).unwrap();
        let (x, y) = (b64(&x.to_vec_padded(32).unwrap()), b64(&y.to_vec_padded(32).unwrap()));
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "kid": kid, "alg": "ES256", "x": x, "y": y
        });
        Self { kid: kid.to_owned(), alg: "ES256", private: PKey::from_ec_key(key).unwrap(), jwk }
    }

    pub fn ed25519(kid: &str) -> Self {
        let private = PKey::generate_ed25519().unwrap();
        let x = b64(&private.raw_public_key().unwrap());
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": kid, "alg": "EdDSA", "x": x });
        Self { kid: kid.to_owned(), alg: "EdDSA", private, jwk }
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// Signs texts that need not be JSON.
    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", b64(header.as_bytes()), b64(claims.as_bytes()));
        let signature = self.signature(signed.as_bytes());
        format!("{signed}.{}", b64(&signature))
    }

    pub fn access_token(&self) -> String {
        self.sign(&self.header(), &access_claims())
    }

    pub fn header(&self) -> Value {
        json!({ "typ": "at+jwt", "alg": self.alg, "kid": self.kid })
    }

    pub fn signature(&self, signed: &[u8]) -> Vec<u8> {
        let sha256 = MessageDigest::sha256();
        match self.alg {
            "EdDSA" => Sign::new_without_digest(&self.private).unwrap().sign_oneshot_to_vec(signed).unwrap(),
            "ES256" => {
                let der = Sign::new(sha256, &self.private).unwrap().sign_oneshot_to_vec(signed).unwrap();
                let pair = EcdsaSig::from_der(&der).unwrap();
                [pair.r().to_vec_padded(32).unwrap(), pair.s().to_vec_padded(32).unwrap()].concat()
            }
            _ => {
                let mut pss = Sign::new(sha256, &self.private).unwrap();
                if self.alg == "PS256" {
                    pss.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
                    pss.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).unwrap();
                    pss.set_rsa_mgf1_md(sha256).unwrap();
                }
                pss.sign_oneshot_to_vec(signed).unwrap()
            }
        }
    }
}

pub fn b64(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

pub fn access_claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "person-1", "aud": API, "exp": NOW + 600, "iat": NOW, "nbf": NOW - 60,
        "jti": "token-1", "client_id": CLIENT, "scope": "orders:read orders:write", "auth_time": NOW - 5,
        "amr": ["pwd"], "acr": "1", "roles": ["clerk", { "value": "buyer" }]
    })
}

pub fn id_claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "person-1", "aud": CLIENT, "exp": NOW + 600, "iat": NOW, "nonce": "n-1", "sid": "s-1"
    })
}

/// The claims with members replaced; `null` takes one away.
pub fn with(mut claims: Value, changes: Value) -> Value {
    let members = claims.as_object_mut().unwrap();
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (name, value) in changes {
        if value.is_null() {
            members.remove(&name)
        } else {
            members.insert(name, value)
        };
    }
    claims
}

pub fn jwks<'a>(signers: impl IntoIterator<Item = &'a Signer>) -> Vec<u8> {
    let keys: Vec<_> = signers.into_iter().map(|signer| &signer.jwk).collect();
    json!({ "keys": keys }).to_string().into_bytes()
}

pub fn key_set<'a>(signers: impl IntoIterator<Item = &'a Signer>) -> KeySet {
    KeySet::from_json(&jwks(signers)).unwrap()
}

pub fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

/// Checks as an API does, with all keys known, at `NOW`.
pub fn verify_access(token: &str) -> Result<Claims, Refusal> {
    verify(token, &key_set(all()), &Check::access_token(ISSUER, API), at(NOW))
}

/// Checks as a client does.
pub fn verify_id(token: &str) -> Result<Claims, Refusal> {
    verify(token, &key_set(all()), &Check::id_token(ISSUER, CLIENT), at(NOW))
}
