//! Verification of tokens that this provider signed. The header only selects one of its keys.

use josekit::jwk::Jwk;
use josekit::jws::{EdDSA, JwsVerifier, PS256, RS256};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::crypto;
use crate::keys::KeyError;
use crate::protocol::cause::Cause;
use crate::protocol::client::SigningAlg;
use crate::secret::{from_base64url, sha256};

/// The longest accepted JWT, in bytes.
pub(super) const LONGEST: usize = 16 * 1024;

/// A parsed public key, ready to verify.
pub struct VerifyingKey {
    kid: String,
    alg: SigningAlg,
    inner: Public,
}

enum Public {
    /// Used with OpenSSL directly: josekit adds a third to the cost of a verification.
    P256(EcKey<pkey::Public>),
    Other(Box<dyn JwsVerifier>),
}

impl VerifyingKey {
    /// Parses a public JWK, once.
    pub fn new(alg: SigningAlg, kid: &str, jwk: &Map<String, Value>) -> Result<VerifyingKey, KeyError> {
        let parsed = || Jwk::from_map(jwk.clone()).map_err(crypto);
        let inner = match alg {
            SigningAlg::RS256 => {
                Public::Other(Box::new(RS256.verifier_from_jwk(&parsed()?).map_err(crypto)?))
            }
            SigningAlg::ES256 => Public::P256(p256(jwk)?),
            SigningAlg::PS256 => {
                Public::Other(Box::new(PS256.verifier_from_jwk(&parsed()?).map_err(crypto)?))
            }
            SigningAlg::EdDSA => {
                Public::Other(Box::new(EdDSA.verifier_from_jwk(&parsed()?).map_err(crypto)?))
            }
        };
        Ok(VerifyingKey { kid: kid.into(), alg, inner })
    }

    pub(super) fn matches(&self, message: &[u8], signature: &[u8]) -> bool {
        let matches = match &self.inner {
            Public::P256(key) => p256_matches(key, message, signature).unwrap_or(false),
            Public::Other(key) => key.verify(message, signature).is_ok(),
        };
        if !matches {
            // Empties OpenSSL's error queue of this thread. The next read from a TLS connection would otherwise take a
            // leftover error, as for an r of zero, for one of that connection and close it.
            drop(ErrorStack::get());
        }
        matches
    }
}

/// Spec: RFC 7518 §6.2.1
fn p256(jwk: &Map<String, Value>) -> Result<EcKey<pkey::Public>, KeyError> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    if (text("kty"), text("crv")) != (Some("EC"), Some("P-256")) {
        return Err(KeyError::Crypto("ES256 takes a key on P-256".into()));
    }
    let coordinate = |name: &str| {
        let bytes = text(name).and_then(from_base64url).filter(|bytes| bytes.len() == 32);
        let bytes = bytes.ok_or_else(|| KeyError::Crypto(format!("{name} is no coordinate on P-256")))?;
        Ok::<_, KeyError>(BigNum::from_slice(&bytes)?)
    };
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let (x, y) = (coordinate("x")?, coordinate("y")?);
    // Fails for a point that is not on the curve.
    Ok(EcKey::from_public_key_affine_coordinates(&group, &x, &y)?)
}

/// Spec: RFC 7518 §3.4
fn p256_matches(key: &EcKey<pkey::Public>, message: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
    let Some((r, s)) = signature.split_at_checked(32).filter(|(_, s)| s.len() == 32) else {
        return Ok(false);
    };
    let signature = EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
    signature.verify(&sha256(message), key)
}

/// A token of this provider whose signature is valid.
#[derive(Debug)]
pub struct Verified<T> {
    /// The header's `typ`, in lower case and without `application/`.
    pub typ: Option<String>,
    /// The payload.
    pub claims: T,
}

/// The members of the header that are used; serde refuses one that appears twice.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    kid: Option<String>,
    typ: Option<String>,
    pub(super) crit: Option<Value>,
}

impl Header {
    /// The `typ`, in lower case and without `application/`.
    pub(super) fn kind(&self) -> Option<String> {
        let typ = self.typ.as_ref()?.to_ascii_lowercase();
        Some(typ.strip_prefix("application/").unwrap_or(&typ).to_owned())
    }
}

/// Verifies a compact JWS with one of this provider's keys, which the header selects by `kid`. The cause of a failure
/// is written for the developer who sent the token.
///
/// Spec: RFC 7515 §4.1.11, §5.2; RFC 8725 §3.1
pub fn verify<T: DeserializeOwned>(token: &str, keys: &[VerifyingKey]) -> Result<Verified<T>, Cause> {
    if token.len() > LONGEST {
        let cause = Cause::new("the token is longer than any of ours");
        return Err(cause.with("length", format!("{} bytes", token.len())));
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else {
        let cause = Cause::new("the token is not a JWT: a signed one has three parts joined by dots");
        return Err(cause.with("parts", parts.len()));
    };
    let header = from_base64url(header).and_then(|header| serde_json::from_slice::<Header>(&header).ok());
    let header = header.ok_or("the token is not a JWT: its first part is not a JSON header with an alg")?;
    if header.crit.is_some() {
        return Err("the token's header has crit, which none of our tokens has".into());
    }
    let key = chosen(&header, keys)?;
    let (Some(payload), Some(signature)) = (from_base64url(payload), from_base64url(signature)) else {
        return Err("the token is not a JWT: a part of it is not base64url, or was cut off".into());
    };
    let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed);
    if !key.matches(signed.as_bytes(), &signature) {
        let cause = Cause::new("the token's signature does not match: it was changed, or cut off");
        return Err(cause.with("kid", &key.kid));
    }
    let typ = header.kind();
    let Ok(claims) = serde_json::from_slice(&payload) else {
        let cause =
            Cause::new("the token is ours, but of another kind: it lacks claims that are needed here");
        return Err(cause.with("typ", typ.as_deref().unwrap_or("absent")));
    };
    Ok(Verified { typ, claims })
}

fn chosen<'a>(header: &Header, keys: &'a [VerifyingKey]) -> Result<&'a VerifyingKey, Cause> {
    let said = |cause: &'static str| {
        let cause = Cause::new(cause).with("alg", &header.alg);
        cause.with("kid", header.kid.as_deref().unwrap_or("absent"))
    };
    let named = keys.iter().find(|key| Some(&key.kid) == header.kid.as_ref());
    let named = named.ok_or_else(|| {
        said("no key of ours has the token's kid").mend("send a token that this provider issued")
    })?;
    if SigningAlg::from_name(&header.alg) != Some(named.alg) {
        return Err(said("the token's alg is not that of its key"));
    }
    Ok(named)
}
