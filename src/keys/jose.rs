//! JSON Web Signatures; the only module that uses josekit. Keys are parsed once, when the snapshot is made, because
//! parsing costs more than signing.

mod foreign; // keys of clients
mod mac; // under secrets of clients
mod verify;

use data_encoding::BASE64URL_NOPAD;
use josekit::JoseError;
use josekit::jws::{EdDSA, JwsSigner};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::{self, HasPublic, Id, PKey};
use openssl::rsa::{Padding, Rsa};
use serde::Serialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

pub use self::foreign::{ForeignKeys, Mismatch};
pub use self::mac::{Maced, mac_matches, sign_with_secret};
pub use self::verify::{Verified, VerifyingKey, verify};
use super::KeyError;
use super::rsa::RsaSigner;
use crate::protocol::client::{NamedAlg, SigningAlg};
use crate::secret::{base64url, sha256};

/// A private key in PKCS#8 DER with the public JWK that belongs to it.
pub struct KeyPair {
    /// The private key.
    pub private_der: Zeroizing<Vec<u8>>,
    /// The public JWK without `alg`, `use` and `kid`, which are added when it is published.
    pub public_jwk: Map<String, Value>,
}

impl KeyPair {
    /// Makes a new key. An RSA key takes a few hundred milliseconds, one of 4096 bits seconds.
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

    /// Takes an existing key.
    pub fn of(key: &PKey<pkey::Private>) -> Result<KeyPair, KeyError> {
        Ok(KeyPair { public_jwk: public_jwk(key)?, private_der: Zeroizing::new(key.private_key_to_pkcs8()?) })
    }

    /// Parses a stored private key.
    pub fn from_der(private_der: &[u8]) -> Result<KeyPair, KeyError> {
        KeyPair::of(&PKey::private_key_from_pkcs8(private_der)?)
    }
}

/// The required members of the public JWK.
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
    // Written in order here: the order of members in a JSON map depends on a feature of serde_json.
    let members: Vec<String> = required.iter().map(|name| format!("\"{name}\":\"{}\"", text(name))).collect();
    base64url(&sha256(format!("{{{}}}", members.join(",")).as_bytes()))
}

/// A parsed private key, ready to sign.
pub struct Signer {
    /// Its `kid`.
    pub kid: String,
    /// Its algorithm.
    pub alg: SigningAlg,
    inner: Private,
}

enum Private {
    /// Used with OpenSSL directly: josekit adds a third to the cost of a signature.
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
    pub fn sign<T: Serialize>(&self, typ: &str, claims: &T) -> Result<String, KeyError> {
        self.sign_as(self.alg.into(), typ, claims)
    }

    /// Signs claims as a compact JWS with this `typ`. The header carries `name`, which must be a name of this
    /// signer's algorithm.
    ///
    /// Spec: RFC 7515 §7.1, RFC 9864 §2.2
    pub fn sign_as<T: Serialize>(&self, name: NamedAlg, typ: &str, claims: &T) -> Result<String, KeyError> {
        if name.alg() != self.alg {
            return Err(KeyError::Crypto(format!("key {} does not sign {}", self.kid, name.name())));
        }
        let json = |error: serde_json::Error| KeyError::Crypto(error.to_string());
        let header = Header { alg: name.name(), typ, kid: &self.kid };
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

#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn crypto(error: JoseError) -> KeyError {
    KeyError::Crypto(error.to_string())
}
