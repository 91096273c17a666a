//! An immutable snapshot of all signing keys: signing and serving the key set touch no lock and no
//! database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use time::Duration;
use zeroize::Zeroizing;

use super::KeyError;
use super::instance::InstanceKeys;
use super::jose::{self, KeyPair, Signer, Verified, Verifier};
use super::policy::KeyPolicy;
use super::promise::Promise;
use super::rotation::Record;
use super::seal::{self, Unsealable};
use crate::protocol::cause::Cause;
use crate::protocol::client::{NamedAlg, SigningAlg};
use crate::published::Published;
use crate::store::signing_keys::{KeyState, StoredKey};

/// What private keys are sealed for; the key's own identifier is bound to it.
pub const PURPOSE: &str = "signing key";

/// What the database said of the keys, and when it was asked.
pub struct Read {
    /// Every key that is not destroyed, oldest first.
    pub keys: Vec<StoredKey>,
    /// What caches were promised.
    pub promise: Promise,
    /// When the question was sent: what was said may be as old as that.
    pub asked: Instant,
}

/// Parsed signers, parsed verifiers, and the public set as it goes over the wire.
pub struct Ring {
    /// Of the active keys and of the next ones, which need no parsing when their time has come.
    signers: Vec<(KeyState, Arc<Signer>)>,
    verifiers: Vec<Verifier>,
    /// The JWK set, serialized once.
    pub jwks: Published,
    /// The policy this node runs with.
    pub policy: KeyPolicy,
    /// What the plan is made of.
    pub records: Vec<Record>,
    /// What is wrong with single keys: they are left out, and the others work.
    pub faults: Vec<Fault>,
    read: Read,
    /// Milliseconds after `read.asked` at which the database was last asked and had nothing new.
    confirmed: AtomicU64,
}

/// A key that cannot be used as its state demands.
pub enum Fault {
    /// Its row is damaged.
    Damaged(String),
    /// It was sealed with an instance key that is not at hand.
    Locked(String),
}

impl Ring {
    /// Opens and parses every stored key, once; what the ring before has parsed is taken over. A key that is
    /// damaged is left out.
    pub fn open(read: Read, instance: &InstanceKeys, policy: &KeyPolicy, before: Option<&Ring>) -> Ring {
        let (mut signers, mut verifiers, mut published) = (vec![], vec![], vec![]);
        let (mut records, mut faults) = (vec![], vec![]);
        for key in &read.keys {
            let Some((alg, state)) = SigningAlg::from_name(&key.alg).zip(KeyState::from_name(&key.state))
            else {
                let words = format!(
                    "signing key {} has a state or an unknown algorithm that this version cannot use ({} {})",
                    key.kid, key.state, key.alg
                );
                faults.push(Fault::Damaged(words));
                continue;
            };
            let mut usable = true;
            match public(key, alg) {
                Ok((verifier, jwk)) => {
                    // Nobody outside has seen a pending key's signature.
                    if state != KeyState::Pending {
                        verifiers.push(verifier);
                    }
                    if state.is_public() {
                        published.push(jwk);
                    }
                }
                Err(why) => {
                    usable = false;
                    faults.push(Fault::Damaged(format!("signing key {}: {why}", key.kid)));
                }
            }
            if matches!(state, KeyState::Pending | KeyState::Published | KeyState::Active) {
                let known = before.and_then(|ring| ring.signer_named(&key.kid));
                match known.map_or_else(|| private(key, alg, instance).map(Arc::new), Ok) {
                    Ok(signer) => signers.push((state, signer)),
                    Err(fault) => {
                        usable &= matches!(fault, Fault::Locked(_));
                        faults.push(fault);
                    }
                }
            }
            let (kid, since, until) = (key.kid.clone(), key.since, key.until);
            records.push(Record { kid, alg, state, since, until, usable });
        }
        Ring {
            signers,
            verifiers,
            jwks: Published::new(json!({ "keys": published }).to_string()),
            policy: policy.clone(),
            records,
            faults,
            read,
            confirmed: AtomicU64::new(0),
        }
    }

    fn signer_named(&self, kid: &str) -> Option<Arc<Signer>> {
        self.signers.iter().find(|(_, signer)| signer.kid == kid).map(|(_, signer)| Arc::clone(signer))
    }

    /// Signs claims with the active key of an algorithm, which the header calls by the name given here.
    pub fn sign<T: Serialize>(
        &self,
        name: impl Into<NamedAlg>,
        typ: &str,
        claims: &T,
    ) -> Result<String, KeyError> {
        let name = name.into();
        let age = self.age();
        if !self.read.promise.may_sign(&self.policy, age) {
            return Err(KeyError::OutOfTouch(age.whole_seconds()));
        }
        let active = |(state, signer): &&(KeyState, Arc<Signer>)| {
            *state == KeyState::Active && signer.alg == name.alg()
        };
        let (_, signer) = self.signers.iter().find(active).ok_or(KeyError::NoKey(name.alg()))?;
        signer.sign_as(name, typ, claims)
    }

    /// Tells whether a key signs with this algorithm at this moment.
    pub fn signs(&self, alg: SigningAlg) -> bool {
        self.signers.iter().any(|(state, signer)| *state == KeyState::Active && signer.alg == alg)
    }

    /// The algorithms that are configured and can sign at this moment.
    pub fn algorithms(&self) -> Vec<SigningAlg> {
        self.policy.algorithms.iter().copied().filter(|alg| self.signs(*alg)).collect()
    }

    /// Verifies a token of ours, by any key that ever signed and is still known.
    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Result<Verified<T>, Cause> {
        jose::verify(token, &self.verifiers)
    }

    /// For how long the key set may be cached; none when it may not be handed out any more.
    pub fn max_age(&self) -> Option<Duration> {
        self.read.promise.max_age(&self.policy, self.age())
    }

    /// How long ago the database was last asked.
    pub fn age(&self) -> Duration {
        let confirmed = std::time::Duration::from_millis(self.confirmed.load(Ordering::Relaxed));
        let age = self.read.asked.elapsed().saturating_sub(confirmed);
        Duration::try_from(age).unwrap_or(Duration::MAX)
    }

    /// Takes note that the database has been asked and said this; false when it is something new.
    pub fn confirm(&self, read: &Read) -> bool {
        let same = (&self.read.keys, self.read.promise) == (&read.keys, read.promise);
        if same {
            let after = read.asked.saturating_duration_since(self.read.asked).as_millis();
            self.confirmed.fetch_max(u64::try_from(after).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        same
    }

    /// Says what is wrong with single keys.
    pub fn tell_faults(&self) {
        for fault in &self.faults {
            let (Fault::Damaged(words) | Fault::Locked(words)) = fault;
            tracing::error!("{words}; the other keys are not affected");
        }
    }

    /// The rows it was made of.
    pub fn stored(&self) -> &[StoredKey] {
        &self.read.keys
    }
}

/// The public half as it is verified with, and as it is published.
fn public(key: &StoredKey, alg: SigningAlg) -> Result<(Verifier, Value), KeyError> {
    let jwk: Map<String, Value> =
        serde_json::from_str(&key.public_jwk).map_err(|error| KeyError::Crypto(error.to_string()))?;
    let verifier = Verifier::new(alg, &key.kid, &jwk)?;
    let mut public = Map::from_iter([("kid".to_owned(), json!(key.kid)), ("use".to_owned(), json!("sig"))]);
    // With two names for one algorithm a key that carries one of them is refused for tokens with the other.
    if NamedAlg::of(alg).count() == 1 {
        public.insert("alg".into(), json!(key.alg));
    }
    // Whatever else a row may hold, only these ever leave the house.
    let members =
        jwk.into_iter().filter(|(name, _)| ["kty", "n", "e", "crv", "x", "y"].contains(&name.as_str()));
    public.extend(members);
    Ok((verifier, Value::Object(public)))
}

/// The public set of these keys, as it goes over the wire.
pub fn public_set(keys: &[StoredKey]) -> String {
    let is_public = |key: &&StoredKey| KeyState::from_name(&key.state).is_some_and(KeyState::is_public);
    let public = |key: &StoredKey| Some(public(key, SigningAlg::from_name(&key.alg)?).ok()?.1);
    json!({ "keys": keys.iter().filter(is_public).filter_map(public).collect::<Vec<_>>() }).to_string()
}

/// The private half, if it opens and belongs to the public one.
fn private(key: &StoredKey, alg: SigningAlg, instance: &InstanceKeys) -> Result<Signer, Fault> {
    let damaged =
        |why: &str| Fault::Damaged(format!("signing key {} is damaged in the database: {why}", key.kid));
    let sealed = key.private_sealed.as_deref().ok_or_else(|| damaged("its private part is missing"))?;
    let opened = seal::open(instance, PURPOSE, key.kid.as_bytes(), sealed).map(Zeroizing::new);
    let der = opened.map_err(|why| match why {
        Unsealable::UnknownKey(id) => Fault::Locked(format!(
            "signing key {} was sealed with instance key {}, which is not among those at hand ({})",
            key.kid,
            data_encoding::HEXLOWER.encode(&id),
            instance.fingerprints().join(", ")
        )),
        Unsealable::Tampered => damaged("it does not open"),
    })?;
    let pair = KeyPair::from_der(&der).map_err(|why| damaged(&why.to_string()))?;
    let public: Option<Map<String, Value>> = serde_json::from_str(&key.public_jwk).ok();
    if public.as_ref().map(jose::thumbprint) != Some(jose::thumbprint(&pair.public_jwk)) {
        return Err(damaged("its two halves do not belong together"));
    }
    Signer::new(alg, &key.kid, &der).map_err(|why| damaged(&why.to_string()))
}
