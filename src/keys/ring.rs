//! An immutable snapshot of all signing keys: signing and serving the key set touch no lock and no
//! database.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::KeyError;
use super::instance::InstanceKeys;
use super::jose::{self, Signer, Verified, Verifier};
use super::policy::KeyPolicy;
use super::seal::{self, Unsealable};
use crate::protocol::client::SigningAlg;
use crate::published::Published;
use crate::store::signing_keys::StoredKey;

/// What private keys are sealed for; the key's own identifier is bound to it.
pub const PURPOSE: &str = "signing key";

/// Parsed signers, parsed verifiers, and the public set as it goes over the wire.
pub struct Ring {
    rs256: Signer,
    es256: Signer,
    verifiers: Vec<Verifier>,
    /// The JWK set, serialized once.
    pub jwks: Published,
    /// How long it may be cached.
    pub policy: KeyPolicy,
}

impl Ring {
    /// Opens and parses every stored key, once.
    pub fn open(stored: &[StoredKey], instance: &InstanceKeys, policy: KeyPolicy) -> Result<Ring, KeyError> {
        let mut signers = (None, None);
        let (mut verifiers, mut published) = (vec![], vec![]);
        for key in stored {
            let alg = SigningAlg::ALL.into_iter().find(|alg| alg.name() == key.alg);
            let alg = alg.ok_or_else(|| {
                KeyError::Crypto(format!("signing key {} has an unknown algorithm", key.kid))
            })?;
            let jwk: Map<String, Value> = serde_json::from_str(&key.public_jwk)
                .map_err(|error| KeyError::Crypto(format!("signing key {}: {error}", key.kid)))?;
            verifiers.push(Verifier::new(alg, &key.kid, &jwk).map_err(|why| unusable(&key.kid, &why))?);
            if key.state != "retained" {
                let mut public = Map::from_iter([
                    ("kid".to_owned(), json!(key.kid)),
                    ("use".to_owned(), json!("sig")),
                    ("alg".to_owned(), json!(key.alg)),
                ]);
                public.extend(jwk);
                published.push(Value::Object(public));
            }
            if let ("active", Some(sealed)) = (key.state.as_str(), &key.private_sealed) {
                let private = seal::open(instance, PURPOSE, key.kid.as_bytes(), sealed)
                    .map_err(|why| unsealable(&key.kid, why, instance))?;
                let signer = Signer::new(alg, &key.kid, &zeroize::Zeroizing::new(private))
                    .map_err(|why| unusable(&key.kid, &why))?;
                match alg {
                    SigningAlg::RS256 => signers.0 = Some(signer),
                    SigningAlg::ES256 => signers.1 = Some(signer),
                }
            }
        }
        let missing = |alg: &str| KeyError::Crypto(format!("the database has no active {alg} key"));
        let jwks = Published::new(json!({ "keys": published }).to_string());
        Ok(Ring {
            rs256: signers.0.ok_or_else(|| missing("RS256"))?,
            es256: signers.1.ok_or_else(|| missing("ES256"))?,
            verifiers,
            jwks,
            policy,
        })
    }

    /// Signs claims with the active key of an algorithm.
    pub fn sign<T: Serialize>(&self, alg: SigningAlg, typ: &str, claims: &T) -> Result<String, KeyError> {
        match alg {
            SigningAlg::RS256 => self.rs256.sign(typ, claims),
            SigningAlg::ES256 => self.es256.sign(typ, claims),
        }
    }

    /// Verifies a token of ours, by any key that ever signed and is still known.
    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Result<Verified<T>, String> {
        jose::verify(token, &self.verifiers)
    }
}

fn unusable(kid: &str, why: &KeyError) -> KeyError {
    KeyError::Crypto(format!("signing key {kid}: {why}"))
}

fn unsealable(kid: &str, why: Unsealable, instance: &InstanceKeys) -> KeyError {
    KeyError::Sealed(match why {
        Unsealable::UnknownKey(id) => format!(
            "signing key {kid} was sealed with instance key {}, which is not among those at hand ({})",
            data_encoding::HEXLOWER.encode(&id),
            instance.fingerprints().join(", ")
        ),
        Unsealable::Tampered => format!("signing key {kid} is damaged in the database: it does not open"),
    })
}
