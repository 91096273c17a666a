//! A signing key as its row holds it: the public half as a JWK, the private half sealed.

use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::KeyError;
use super::instance::InstanceKeys;
use super::jose::{KeyPair, Signer, VerifyingKey, thumbprint};
use super::seal::{self, Unsealable};
use crate::protocol::client::{NamedAlg, SigningAlg};
use crate::store::signing_keys::{KeyState, StoredKey};

/// The purpose under which private keys are sealed; the key's `kid` is bound to it.
pub const PURPOSE: &str = "signing key";

/// A key that cannot be used as its state demands, in words for the log.
pub enum Unusable {
    /// Its row is damaged.
    Damaged(String),
    /// It is sealed with an instance key that is not configured.
    Locked(String),
}

impl Unusable {
    /// Tells whether another instance key would help.
    pub fn is_locked(&self) -> bool {
        matches!(self, Unusable::Locked(_))
    }

    fn damaged(kid: &str, why: &str) -> Unusable {
        Unusable::Damaged(format!("signing key {kid} is damaged in the database: {why}"))
    }
}

/// The row of a new key.
pub fn seal_pair(
    alg: SigningAlg,
    pair: &KeyPair,
    state: KeyState,
    instance: &InstanceKeys,
    now: OffsetDateTime,
) -> StoredKey {
    let (kid, now) = (thumbprint(&pair.public_jwk), now.unix_timestamp());
    StoredKey {
        alg: alg.name().into(),
        state: state.name().into(),
        public_jwk: Value::Object(pair.public_jwk.clone()).to_string(),
        private_sealed: Some(seal::seal(instance, PURPOSE, kid.as_bytes(), &pair.private_der)),
        created_at: now,
        since: now,
        until: 0,
        kid,
    }
}

/// Parses the public half: as it verifies, and as the key set shows it.
pub(super) fn public(key: &StoredKey, alg: SigningAlg) -> Result<(VerifyingKey, Value), KeyError> {
    let jwk: Map<String, Value> =
        serde_json::from_str(&key.public_jwk).map_err(|error| KeyError::Crypto(error.to_string()))?;
    let verifier = VerifyingKey::new(alg, &key.kid, &jwk)?;
    let mut public = Map::from_iter([("kid".to_owned(), json!(key.kid)), ("use".to_owned(), json!("sig"))]);
    // An algorithm with two names: verifiers would refuse tokens that carry the other name.
    if NamedAlg::of(alg).count() == 1 {
        public.insert("alg".into(), json!(key.alg));
    }
    // Only these members are ever published, whatever else the row holds.
    let members =
        jwk.into_iter().filter(|(name, _)| ["kty", "n", "e", "crv", "x", "y"].contains(&name.as_str()));
    public.extend(members);
    Ok((verifier, Value::Object(public)))
}

/// Opens and parses the private half, and checks that it belongs to the public one.
pub(super) fn private(key: &StoredKey, alg: SigningAlg, instance: &InstanceKeys) -> Result<Signer, Unusable> {
    let damaged = |why: &str| Unusable::damaged(&key.kid, why);
    let sealed = key.private_sealed.as_deref().ok_or_else(|| damaged("its private part is missing"))?;
    let opened = seal::open(instance, PURPOSE, key.kid.as_bytes(), sealed).map(Zeroizing::new);
    let der = opened.map_err(|why| match why {
        Unsealable::UnknownKey(id) => Unusable::Locked(format!(
            "signing key {} was sealed with instance key {}, which is not among those at hand ({})",
            key.kid,
            HEXLOWER.encode(&id),
            instance.fingerprints().join(", ")
        )),
        Unsealable::Tampered => damaged("it does not open"),
    })?;
    let pair = KeyPair::from_der(&der).map_err(|why| damaged(&why.to_string()))?;
    let public: Option<Map<String, Value>> = serde_json::from_str(&key.public_jwk).ok();
    if public.as_ref().map(thumbprint) != Some(thumbprint(&pair.public_jwk)) {
        return Err(damaged("its two halves do not belong together"));
    }
    Signer::new(alg, &key.kid, &der).map_err(|why| damaged(&why.to_string()))
}
