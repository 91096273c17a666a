//! JSON Web Signatures; the only module that knows josekit. Keys are parsed once, when the ring is
//! made: parsing costs more than signing.

use anyhow::anyhow;
use data_encoding::BASE64URL_NOPAD;
use josekit::JoseError;
use josekit::jwk::Jwk;
use josekit::jws::{self, ES256, EdDSA, JwsAlgorithm, JwsHeader, JwsSigner, JwsVerifier, PS256, RS256};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{self, HasPublic, Id, PKey};
use openssl::rsa::{Padding, Rsa};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::KeyError;
use super::rsa::RsaSigner;
use crate::protocol::client::SigningAlg;
use crate::secret::{base64url, from_base64url, sha256};

/// The longest JWT we look at.
const LONGEST: usize = 16 * 1024;

/// A private key in PKCS#8 DER with the public JWK that belongs to it.
pub struct KeyPair {
    /// For sealing, and for [`Signer::new`].
    pub private_der: Zeroizing<Vec<u8>>,
    /// Without `alg`, `use` and `kid`, which are added when it is published.
    pub public_jwk: Map<String, Value>,
}

impl KeyPair {
    /// Makes a new key. RSA takes a few hundred milliseconds, and seconds when it is long.
    pub fn generate(alg: SigningAlg, rsa_bits: u32) -> Result<KeyPair, KeyError> {
        KeyPair::of(&match alg {
            SigningAlg::RS256 | SigningAlg::PS256 => PKey::from_rsa(Rsa::generate(rsa_bits)?)?,
            SigningAlg::ES256 => {
                let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
                PKey::from_ec_key(EcKey::generate(&group)?)?
            }
            SigningAlg::EdDSA => PKey::generate_ed25519()?,
        })
    }

    /// The same of a key that is there.
    pub fn of(key: &PKey<pkey::Private>) -> Result<KeyPair, KeyError> {
        Ok(KeyPair { public_jwk: public_jwk(key)?, private_der: Zeroizing::new(key.private_key_to_pkcs8()?) })
    }

    /// Reads a private key that was stored.
    pub fn from_der(private_der: &[u8]) -> Result<KeyPair, KeyError> {
        KeyPair::of(&PKey::private_key_from_pkcs8(private_der)?)
    }
}

/// The required members of the public JWK, and no more.
///
/// Spec: RFC 7518 §6.2.1, §6.3.1; RFC 8037 §2
pub fn public_jwk(key: &PKey<impl HasPublic>) -> Result<Map<String, Value>, KeyError> {
    let members = if let Ok(rsa) = key.rsa() {
        json!({ "kty": "RSA", "n": base64url(&rsa.n().to_vec()), "e": base64url(&rsa.e().to_vec()) })
    } else if key.id() == Id::ED25519 {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(&key.raw_public_key()?) })
    } else {
        let ec = key.ec_key()?;
        let (mut x, mut y, mut context) = (BigNum::new()?, BigNum::new()?, BigNumContext::new()?);
        ec.public_key().affine_coordinates(ec.group(), &mut x, &mut y, &mut context)?;
        let (x, y) = (x.to_vec_padded(32)?, y.to_vec_padded(32)?);
        json!({ "kty": "EC", "crv": "P-256", "x": base64url(&x), "y": base64url(&y) })
    };
    match members {
        Value::Object(members) => Ok(members),
        _ => Err(KeyError::Crypto("a JWK is an object".into())),
    }
}

/// The RFC 7638 thumbprint of a public JWK: the required members in alphabetical order, hashed.
///
/// Spec: RFC 7638 §3
pub fn thumbprint(jwk: &Map<String, Value>) -> String {
    let required: &[&str] = match jwk.get("kty").and_then(Value::as_str) {
        Some("EC") => &["crv", "kty", "x", "y"],
        Some("OKP") => &["crv", "kty", "x"],
        _ => &["e", "kty", "n"],
    };
    let text = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    // Sorted by hand: the order of members of a JSON map is not ours to rely on.
    let members: Vec<String> = required.iter().map(|name| format!("\"{name}\":\"{}\"", text(name))).collect();
    base64url(&sha256(format!("{{{}}}", members.join(",")).as_bytes()))
}

/// A parsed private key, ready to sign.
pub struct Signer {
    /// The key's name.
    pub kid: String,
    /// What it signs with.
    pub alg: SigningAlg,
    inner: Private,
}

enum Private {
    /// Signed with directly: what lies between josekit and the curve costs a third of the signature.
    P256(EcKey<pkey::Private>),
    Rsa(Box<RsaSigner>),
    Ed25519(Box<dyn JwsSigner>),
}

/// A JOSE header, its members in the order josekit writes them.
#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

impl Signer {
    /// Parses a private key, once.
    pub fn new(alg: SigningAlg, kid: &str, private_der: &[u8]) -> Result<Signer, KeyError> {
        let inner = match alg {
            SigningAlg::RS256 => Private::Rsa(Box::new(RsaSigner::new(private_der, Padding::PKCS1)?)),
            SigningAlg::ES256 => Private::p256(private_der)?,
            SigningAlg::PS256 => Private::Rsa(Box::new(RsaSigner::new(private_der, Padding::PKCS1_PSS)?)),
            SigningAlg::EdDSA => {
                Private::Ed25519(Box::new(EdDSA.signer_from_der(private_der).map_err(crypto)?))
            }
        };
        Ok(Signer { kid: kid.into(), alg, inner })
    }

    /// Signs claims as a compact JWS with this `typ`.
    ///
    /// Spec: RFC 7515 §7.1
    pub fn sign<T: Serialize>(&self, typ: &str, claims: &T) -> Result<String, KeyError> {
        let json = |error: serde_json::Error| KeyError::Crypto(error.to_string());
        let header = Header { alg: self.alg.name(), typ, kid: &self.kid };
        let mut token = base64url(&serde_json::to_vec(&header).map_err(json)?);
        token.push('.');
        BASE64URL_NOPAD.encode_append(&serde_json::to_vec(claims).map_err(json)?, &mut token);
        let signature = self.inner.sign(token.as_bytes())?;
        token.push('.');
        BASE64URL_NOPAD.encode_append(&signature, &mut token);
        Ok(token)
    }
}

impl Private {
    fn p256(private_der: &[u8]) -> Result<Private, KeyError> {
        let key = PKey::private_key_from_pkcs8(private_der)?.ec_key()?;
        if key.group().curve_name() != Some(Nid::X9_62_PRIME256V1) {
            return Err(KeyError::Crypto("ES256 takes a key on P-256".into()));
        }
        Ok(Private::P256(key))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match self {
            // Spec: RFC 7518 §3.4
            Private::P256(key) => {
                let signature = EcdsaSig::sign(&sha256(message), key)?;
                let (r, s) = (signature.r().to_vec_padded(32)?, signature.s().to_vec_padded(32)?);
                Ok([r, s].concat())
            }
            Private::Rsa(signer) => signer.sign(message),
            Private::Ed25519(signer) => signer.sign(message).map_err(crypto),
        }
    }
}

/// A parsed public key, ready to verify.
pub struct Verifier {
    kid: String,
    alg: SigningAlg,
    inner: Box<dyn JwsVerifier>,
}

impl Verifier {
    /// Parses a public JWK, once.
    pub fn new(alg: SigningAlg, kid: &str, jwk: &Map<String, Value>) -> Result<Verifier, KeyError> {
        let parsed = || Jwk::from_map(jwk.clone()).map_err(crypto);
        let inner: Box<dyn JwsVerifier> = match alg {
            SigningAlg::RS256 => Box::new(RS256.verifier_from_jwk(&parsed()?).map_err(crypto)?),
            SigningAlg::ES256 => Box::new(P256::from_jwk(jwk)?),
            SigningAlg::PS256 => Box::new(PS256.verifier_from_jwk(&parsed()?).map_err(crypto)?),
            SigningAlg::EdDSA => Box::new(EdDSA.verifier_from_jwk(&parsed()?).map_err(crypto)?),
        };
        Ok(Verifier { kid: kid.into(), alg, inner })
    }
}

/// A public key on P-256, verified with directly, as it is signed with.
#[derive(Clone, Debug)]
struct P256(EcKey<pkey::Public>);

impl P256 {
    /// Spec: RFC 7518 §6.2.1
    fn from_jwk(jwk: &Map<String, Value>) -> Result<P256, KeyError> {
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
        // Refuses a point that is not on the curve.
        Ok(P256(EcKey::from_public_key_affine_coordinates(&group, &x, &y)?))
    }
}

impl JwsVerifier for P256 {
    fn algorithm(&self) -> &dyn JwsAlgorithm {
        &ES256
    }

    fn key_id(&self) -> Option<&str> {
        None
    }

    /// Spec: RFC 7518 §3.4
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), JoseError> {
        let number = |bytes: &[u8]| BigNum::from_slice(bytes).map_err(|error| unverified(error.into()));
        let Some((r, s)) = signature.split_at_checked(32).filter(|(_, s)| s.len() == 32) else {
            return Err(unverified(anyhow!("the signature is not 64 bytes long")));
        };
        let signature = EcdsaSig::from_private_components(number(r)?, number(s)?);
        match signature.and_then(|signature| signature.verify(&sha256(message), &self.0)) {
            Ok(true) => Ok(()),
            Ok(false) => {
                // OpenSSL may also have left an error in this thread's queue, as for an r of zero. Whoever reads
                // from a TLS connection next would take it for an error of that connection, and end it.
                drop(ErrorStack::get());
                Err(unverified(anyhow!("the signature does not match")))
            }
            Err(error) => Err(unverified(error.into())),
        }
    }

    fn box_clone(&self) -> Box<dyn JwsVerifier> {
        Box::new(self.clone())
    }
}

fn unverified(cause: anyhow::Error) -> JoseError {
    JoseError::InvalidSignature(cause)
}

/// A JWS of ours whose signature holds.
pub struct Verified<T> {
    /// The header's `typ`, in lower case and without `application/`.
    pub typ: Option<String>,
    /// The payload.
    pub claims: T,
}

/// Verifies a compact JWS with one of our own keys: the header only chooses among them, by `kid`.
///
/// Spec: RFC 8725 §3.1
pub fn verify<T: DeserializeOwned>(token: &str, keys: &[Verifier]) -> Result<Verified<T>, String> {
    if token.len() > LONGEST {
        return Err("the token is too long".into());
    }
    let fitting = |header: &JwsHeader| {
        keys.iter()
            .find(|key| header.key_id() == Some(&key.kid) && header.algorithm() == Some(key.alg.name()))
    };
    let read =
        jws::deserialize_compact_with_selector(token, |header| Ok(fitting(header).map(|key| &*key.inner)));
    let (payload, header) = read.map_err(|error| format!("it does not verify by a key of ours: {error}"))?;
    let typ = header.token_type().map(|typ| {
        let typ = typ.to_ascii_lowercase();
        typ.strip_prefix("application/").unwrap_or(&typ).to_owned()
    });
    let claims =
        serde_json::from_slice(&payload).map_err(|error| format!("the claims cannot be read: {error}"))?;
    Ok(Verified { typ, claims })
}

#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn crypto(error: JoseError) -> KeyError {
    KeyError::Crypto(error.to_string())
}
