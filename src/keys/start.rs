//! Opening all keys, once at start.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use time::OffsetDateTime;

use super::KeyError;
use super::fingerprint::{FACT, instance_keys_for};
use super::instance::{InstanceKeys, Source};
use super::jose::KeyPair;
use super::key_set::Keys;
use super::policy::KeyPolicy;
use super::promise::{self, Promise};
use super::secrets::{self, AUDIT, STATE};
use super::snapshot::{Read, Snapshot};
use super::stored_key::{Unusable, seal_pair};
use crate::background::Urgency;
use crate::db::{Db, DbError};
use crate::protocol::client::SigningAlg;
use crate::secret::Key;
use crate::store::events::Vault;
use crate::store::facts;
use crate::store::signing_keys::{self, KeyState, StoredKey};

const SID: &str = "sid";
const PAIRWISE: &str = "pairwise";
const SESSION_REFERENCE: &str = "session reference";
const REFRESH: &str = "refresh token";

/// The rows that keys are opened from.
struct Rows {
    keys: Vec<StoredKey>,
    promise: Promise,
    /// The sealed secrets for `sid`, pairwise `sub` claims, session references, events and refresh tokens.
    secrets: [Vec<u8>; 5],
}

impl Keys {
    /// Opens all keys, and makes those that an empty database lacks. Blocks.
    ///
    /// An instance key is only made beside an empty embedded database: anywhere else a new one could not open
    /// existing rows, or other nodes would lack it. The first signing keys of an empty database sign at once,
    /// because no cache holds a key set without them.
    pub fn open(db: &Db, source: &Source, policy: &KeyPolicy, now: OffsetDateTime) -> Result<Keys, KeyError> {
        let instance = instance_keys_for(db, source)?;
        let first = first_keys(db, &instance, policy, now)?;
        let asked = Instant::now();
        let Rows { keys, promise, secrets: [sid, pairwise, session_reference, audit, refresh] } = db
            .write_now(|conn| -> Result<Rows, DbError> {
                // Takes a lock: nodes that start at the same time continue one after another.
                let promise = promise::begin(conn, policy, now)?;
                if signing_keys::list_all(conn)?.is_empty() {
                    for key in &first {
                        signing_keys::insert(conn, key, now)?;
                    }
                }
                let mut secret = |name| secrets::get_or_make(conn, name, &instance);
                let secrets = [
                    secret(SID)?,
                    secret(PAIRWISE)?,
                    secret(SESSION_REFERENCE)?,
                    secret(AUDIT)?,
                    secret(REFRESH)?,
                ];
                Ok(Rows { keys: signing_keys::list(conn)?, promise, secrets })
            })?;
        let snapshot = Snapshot::open(Read { keys, promise, asked }, &instance, policy, None);
        if let Some(Unusable::Locked(words)) = snapshot.unusable.iter().find(|key| key.is_locked()) {
            return Err(KeyError::Sealed(words.clone()));
        }
        snapshot.log_unusable();
        // Derived from the instance key that the database names, so that nodes with differently ordered lists agree.
        let recorded = db.read_now(|conn| facts::get(conn, FACT))?;
        let named = instance.named(recorded.as_deref().unwrap_or_default());
        let derived = |purpose| Key::new(*named.key.derive::<32>(purpose, b""));
        let keys = Keys {
            snapshot: ArcSwap::new(Arc::new(snapshot)),
            sid: secrets::open(SID, &sid, &instance)?,
            pairwise: secrets::open(PAIRWISE, &pairwise, &instance)?,
            session_reference: secrets::open(SESSION_REFERENCE, &session_reference, &instance)?,
            refresh: secrets::open(REFRESH, &refresh, &instance)?,
            csrf: derived("csrf"),
            device: derived("device"),
            vault: Vault::new(&secrets::open(AUDIT, &audit, &instance)?),
            state: instance.mac_keys(&recorded.unwrap_or_default(), STATE),
            instance,
        };
        // A node must be able to sign before it serves.
        let algorithms = keys.snapshot.load().algorithms();
        if SigningAlg::ALWAYS.iter().any(|alg| !algorithms.contains(alg)) {
            keys.settle(db, Urgency::Soon, &|| now)?;
        }
        Ok(keys)
    }
}

/// The signing keys that an empty database begins with; none for any other. They are made before the writer is
/// held, because an RSA key takes up to a second.
fn first_keys(
    db: &Db,
    instance: &InstanceKeys,
    policy: &KeyPolicy,
    now: OffsetDateTime,
) -> Result<Vec<StoredKey>, KeyError> {
    if !db.read_now(signing_keys::list_all)?.is_empty() {
        return Ok(vec![]);
    }
    let make = |alg: &SigningAlg| {
        let pair = KeyPair::generate(*alg, policy.rsa_bits)?;
        Ok(seal_pair(*alg, &pair, KeyState::Active, instance, now))
    };
    policy.algorithms.iter().map(make).collect()
}
