//! An immutable snapshot of all signing keys: signing and serving the key set touch no lock and no
//! database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use time::Duration;

use super::KeyError;
use super::instance::InstanceKeys;
use super::jose::{self, Signer, Verified, VerifyingKey};
use super::plan::Record;
use super::policy::KeyPolicy;
use super::promise::Promise;
use super::stored_key::{Unusable, private, public};
use crate::protocol::cause::Cause;
use crate::protocol::client::{NamedAlg, SigningAlg};
use crate::published::Published;
use crate::store::signing_keys::{KeyState, StoredKey};

/// The keys as read from the database, and when.
pub struct Read {
    /// Every key that is not destroyed, oldest first.
    pub keys: Vec<StoredKey>,
    /// The promise to caches.
    pub promise: Promise,
    /// When the query was sent: the answer may be as old as that.
    pub asked: Instant,
}

/// Parsed signers, verifying keys, and the public set as it goes over the wire.
pub struct Snapshot {
    /// The active keys and the next ones, which then need no parsing when they begin to sign.
    signers: Vec<(KeyState, Arc<Signer>)>,
    /// The keys of the public set, and after them the retained ones.
    verifying_keys: Vec<VerifyingKey>,
    /// How many of them are in the public set.
    public: usize,
    /// The JWK set, serialized once.
    pub jwks: Published,
    /// The policy this node runs with.
    pub policy: KeyPolicy,
    /// The input of the plan.
    pub records: Vec<Record>,
    /// Keys that cannot be used. They are left out, and the others work.
    pub unusable: Vec<Unusable>,
    read: Read,
    /// Milliseconds after `read.asked` at which the database was last read without a difference.
    confirmed: AtomicU64,
}

impl Snapshot {
    /// Opens and parses every stored key, once; keys that `before` has parsed are taken over. A damaged key is left
    /// out.
    pub fn open(
        read: Read,
        instance: &InstanceKeys,
        policy: &KeyPolicy,
        before: Option<&Snapshot>,
    ) -> Snapshot {
        let (mut signers, mut verifying_keys, mut published) = (vec![], vec![], vec![]);
        let (mut records, mut unusable) = (vec![], vec![]);
        for key in &read.keys {
            let Some((alg, state)) = SigningAlg::from_name(&key.alg).zip(KeyState::from_name(&key.state))
            else {
                let words = format!(
                    "signing key {} has a state or an unknown algorithm that this version cannot use ({} {})",
                    key.kid, key.state, key.alg
                );
                unusable.push(Unusable::Damaged(words));
                continue;
            };
            let mut is_usable = true;
            match public(key, alg) {
                Ok((key, jwk)) => {
                    if state.is_public() {
                        verifying_keys.insert(published.len(), key);
                        published.push(jwk);
                    } else if state == KeyState::Retained {
                        verifying_keys.push(key);
                    }
                }
                Err(why) => {
                    is_usable = false;
                    unusable.push(Unusable::Damaged(format!("signing key {}: {why}", key.kid)));
                }
            }
            if matches!(state, KeyState::Pending | KeyState::Published | KeyState::Active) {
                let known = before.and_then(|snapshot| snapshot.signer_named(&key.kid));
                match known.map_or_else(|| private(key, alg, instance).map(Arc::new), Ok) {
                    Ok(signer) => signers.push((state, signer)),
                    Err(why) => {
                        is_usable &= why.is_locked();
                        unusable.push(why);
                    }
                }
            }
            let (kid, since, until) = (key.kid.clone(), key.since, key.until);
            records.push(Record { kid, alg, state, since, until, usable: is_usable });
        }
        Snapshot {
            signers,
            verifying_keys,
            public: published.len(),
            jwks: Published::new(json!({ "keys": published }).to_string()),
            policy: policy.clone(),
            records,
            unusable,
            read,
            confirmed: AtomicU64::new(0),
        }
    }

    fn signer_named(&self, kid: &str) -> Option<Arc<Signer>> {
        self.signers.iter().find(|(_, signer)| signer.kid == kid).map(|(_, signer)| Arc::clone(signer))
    }

    /// Signs claims with the active key of an algorithm. The header carries the name given here.
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

    /// The longest lifetime of a token that may be signed by this snapshot: its key is public for as long.
    pub fn longest_token(&self) -> Duration {
        self.read.promise.longest_token(&self.policy)
    }

    /// Tells whether a key signs with this algorithm now.
    pub fn signs(&self, alg: SigningAlg) -> bool {
        self.signers.iter().any(|(state, signer)| *state == KeyState::Active && signer.alg == alg)
    }

    /// The configured algorithms that can sign now.
    pub fn algorithms(&self) -> Vec<SigningAlg> {
        self.policy.algorithms.iter().copied().filter(|alg| self.signs(*alg)).collect()
    }

    /// Verifies a token of this provider that may still be valid, by a key of the public set. Every token of a retained key
    /// has expired: one that denies it was made with a stolen key.
    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Result<Verified<T>, Cause> {
        jose::verify(token, self.verifying_keys.get(..self.public).unwrap_or_default())
    }

    /// Verifies a token of this provider, however old, by any key that ever signed and is still stored.
    pub fn verify_old<T: DeserializeOwned>(&self, token: &str) -> Result<Verified<T>, Cause> {
        jose::verify(token, &self.verifying_keys)
    }

    /// How long the key set may be cached; none when it may not be served any more.
    pub fn max_age(&self) -> Option<Duration> {
        self.read.promise.max_age(&self.policy, self.age())
    }

    /// How long ago the database was last read.
    pub fn age(&self) -> Duration {
        let confirmed = std::time::Duration::from_millis(self.confirmed.load(Ordering::Relaxed));
        let age = self.read.asked.elapsed().saturating_sub(confirmed);
        Duration::try_from(age).unwrap_or(Duration::MAX)
    }

    /// Records that the database was read again with this result; false when the result differs.
    pub fn confirm(&self, read: &Read) -> bool {
        let same = (&self.read.keys, self.read.promise) == (&read.keys, read.promise);
        if same {
            let after = read.asked.saturating_duration_since(self.read.asked).as_millis();
            self.confirmed.fetch_max(u64::try_from(after).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        same
    }

    /// Logs each key that cannot be used.
    pub fn log_unusable(&self) {
        for key in &self.unusable {
            let (Unusable::Damaged(words) | Unusable::Locked(words)) = key;
            tracing::error!("{words}; the other keys are not affected");
        }
    }

    /// The rows this snapshot was made of.
    pub fn stored(&self) -> &[StoredKey] {
        &self.read.keys
    }
}

/// The JWK set of these keys, serialized.
pub fn public_set(keys: &[StoredKey]) -> String {
    let is_public = |key: &&StoredKey| KeyState::from_name(&key.state).is_some_and(KeyState::is_public);
    let public = |key: &StoredKey| Some(public(key, SigningAlg::from_name(&key.alg)?).ok()?.1);
    json!({ "keys": keys.iter().filter(is_public).filter_map(public).collect::<Vec<_>>() }).to_string()
}
