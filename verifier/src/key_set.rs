//! Public keys of an issuer, parsed once.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Verifier};
use serde_json::{Map, Value};

use crate::json;
use crate::refusal::Refusal;

/// A signature algorithm this crate verifies; all are asymmetric.
///
/// Spec: RFC 7518 §3.1, RFC 8037 §3.1
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes.
    PS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519; the header may say `EdDSA` or `Ed25519`.
    EdDSA,
}

impl Algorithm {
    /// Every algorithm of this crate.
    pub const ALL: [Self; 4] = [Self::RS256, Self::PS256, Self::ES256, Self::EdDSA];

    /// Names the algorithm as a header does.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        // RFC 9864 gave Ed25519 a name of its own; keys of this crate on that curve have no other use.
        if name == "Ed25519" {
            return Some(Self::EdDSA);
        }
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Why bytes are not a JWK set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// The bytes are not one JSON object with distinct names.
    #[error("the key set is not a JSON object with distinct names")]
    NotAnObject,
    /// The object has no array `keys`.
    #[error("the key set has no array named keys")]
    NoKeys,
}

/// The public keys of one issuer, each pinned to one algorithm.
#[derive(Clone)]
pub struct KeySet {
    keys: Vec<Key>,
}

impl KeySet {
    /// Reads a JWK set and parses its keys.
    ///
    /// Keys that cannot be used here are left out, so that one unsupported member does not disable the
    /// others: unknown types, curves and algorithms, keys for encryption, RSA below 2048 bits, and everything
    /// with a private part.
    ///
    /// Spec: RFC 7517 §5
    pub fn from_json(bytes: &[u8]) -> Result<Self, KeySetError> {
        let Ok(set) = json::object(bytes) else {
            return Err(KeySetError::NotAnObject);
        };
        let members = set.get("keys").and_then(Value::as_array).ok_or(KeySetError::NoKeys)?;
        Ok(Self { keys: members.iter().filter_map(Value::as_object).filter_map(Key::from_jwk).collect() })
    }

    /// Lists the key ids, in the order of the set; a key without one is not listed.
    pub fn kids(&self) -> Vec<&str> {
        self.keys.iter().filter_map(|key| key.kid.as_deref()).collect()
    }

    /// Counts the usable keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Tells whether no key is usable.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    #[cfg(feature = "fetch")]
    pub(crate) fn has(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// Picks the one key that a header can mean. The header selects it; the key determines the algorithm.
    pub(crate) fn find(&self, kid: Option<&str>, alg: Algorithm) -> Result<&Key, Refusal> {
        let named = || self.keys.iter().filter(|key| kid.is_none() || key.kid.as_deref() == kid);
        let mut fitting = named().filter(|key| key.alg == alg);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(Refusal::AmbiguousKey { kid: kid.map(str::to_owned), alg }),
            (None, _) => Err(match (kid, named().next()) {
                (Some(kid), Some(key)) => {
                    Refusal::KeyOfOtherAlgorithm { kid: kid.to_owned(), key: key.alg, token: alg }
                }
                _ => Refusal::UnknownKey { kid: kid.map(str::to_owned), alg },
            }),
        }
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("KeySet").field("kids", &self.kids()).field("len", &self.len()).finish()
    }
}

/// One public key with the one algorithm it verifies.
#[derive(Clone)]
pub(crate) struct Key {
    kid: Option<String>,
    alg: Algorithm,
    public: PKey<Public>,
}

impl Key {
    fn from_jwk(jwk: &Map<String, Value>) -> Option<Self> {
        const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
        if PRIVATE.iter().any(|name| jwk.contains_key(*name)) || !is_for_signatures(jwk) {
            return None;
        }
        let by_type = match text(jwk, "kty")? {
            "RSA" => Algorithm::RS256,
            "EC" if text(jwk, "crv") == Some("P-256") => Algorithm::ES256,
            "OKP" if text(jwk, "crv") == Some("Ed25519") => Algorithm::EdDSA,
            _ => return None,
        };
        let alg = match (jwk.get("alg"), by_type) {
            (None, _) => by_type,
            (Some(name), by_type) => match (Algorithm::named(name.as_str()?)?, by_type) {
                (Algorithm::PS256, Algorithm::RS256) => Algorithm::PS256,
                (alg, by_type) if alg == by_type => alg,
                _ => return None,
            },
        };
        let kid = match jwk.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str()?.to_owned()),
        };
        let public = match alg {
            Algorithm::RS256 | Algorithm::PS256 => rsa(&bytes(jwk, "n")?, &bytes(jwk, "e")?),
            Algorithm::ES256 => p256(&bytes(jwk, "x")?, &bytes(jwk, "y")?),
            Algorithm::EdDSA => ed25519(&bytes(jwk, "x")?),
        }?;
        Some(Self { kid, alg, public })
    }

    /// Tells whether the signature is this key's over these bytes; any error counts as no.
    pub(crate) fn matches(&self, signed: &[u8], signature: &[u8]) -> bool {
        self.try_match(signed, signature).unwrap_or(false)
    }

    fn try_match(&self, signed: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
        let sha256 = MessageDigest::sha256();
        match self.alg {
            Algorithm::RS256 => Verifier::new(sha256, &self.public)?.verify_oneshot(signature, signed),
            Algorithm::PS256 => {
                let mut verifier = Verifier::new(sha256, &self.public)?;
                verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
                verifier.set_rsa_mgf1_md(sha256)?;
                verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
                verifier.verify_oneshot(signature, signed)
            }
            Algorithm::ES256 => {
                // RFC 7518 §3.4: R and S side by side, 32 bytes each; OpenSSL speaks DER.
                let Some((r, s)) = signature.split_at_checked(32).filter(|(_, s)| s.len() == 32) else {
                    return Ok(false);
                };
                let pair = EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
                Verifier::new(sha256, &self.public)?.verify_oneshot(&pair.to_der()?, signed)
            }
            Algorithm::EdDSA => Verifier::new_without_digest(&self.public)?.verify_oneshot(signature, signed),
        }
    }
}

/// Tells whether `use` and `key_ops`, where present, let the key verify signatures.
fn is_for_signatures(jwk: &Map<String, Value>) -> bool {
    jwk.get("use").is_none_or(|purpose| purpose == "sig")
        && jwk
            .get("key_ops")
            .is_none_or(|ops| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify")))
}

fn text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    jwk.get(name)?.as_str()
}

fn bytes(jwk: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text(jwk, name)?.as_bytes()).ok()
}

fn rsa(n: &[u8], e: &[u8]) -> Option<PKey<Public>> {
    let (n, e) = (BigNum::from_slice(n).ok()?, BigNum::from_slice(e).ok()?);
    let sound = (2048..=8192).contains(&n.num_bits())
        && n.is_bit_set(0)
        && e.is_bit_set(0)
        && (2..=64).contains(&e.num_bits());
    sound.then(|| Rsa::from_public_components(n, e).and_then(PKey::from_rsa).ok()).flatten()
}

fn p256(x: &[u8], y: &[u8]) -> Option<PKey<Public>> {
    if x.len() != 32 || y.len() != 32 {
        return None;
    }
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).ok()?;
    let (x, y) = (BigNum::from_slice(x).ok()?, BigNum::from_slice(y).ok()?);
    let key = EcKey::from_public_key_affine_coordinates(&group, &x, &y).ok()?;
    key.check_key().ok()?;
    PKey::from_ec_key(key).ok()
}

fn ed25519(x: &[u8]) -> Option<PKey<Public>> {
    PKey::public_key_from_raw_bytes(x, Id::ED25519).ok()
}
