//! What operators do to the keys. Each function is one transaction, its event included.

use time::OffsetDateTime;

use super::KeyError;
use super::client_secrets::seal_again;
use super::fingerprint::FACT;
use super::instance::InstanceKeys;
use super::jose::thumbprint;
use super::policy::KeyPolicy;
use super::promise;
use super::seal;
use super::secrets::SECRET;
use super::stored_key::PURPOSE;
use crate::db::{Conn, DbError};
use crate::protocol::client::SigningAlg;
use crate::protocol::event::Name;
use crate::store::events::{By, Event};
use crate::store::signing_keys::{self, Change, KeyState, StoredKey};
use crate::store::{clients, facts, secrets};

/// The key of an algorithm that is in this state.
pub fn find(keys: &[StoredKey], alg: SigningAlg, state: KeyState) -> Option<&StoredKey> {
    keys.iter().find(|key| key.alg == alg.name() && key.state == state.name())
}

/// Destroys a key: it leaves the public set, and tokens it signed are refused here. If it was active, another key
/// becomes active in the same transaction, even one that verifiers do not know yet: the published spare, else the
/// pending one, else `fresh`. Returns the `kid` of that key.
pub fn revoke(
    conn: &mut Conn,
    key: &StoredKey,
    fresh: Option<&StoredKey>,
    policy: &KeyPolicy,
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<Option<String>, DbError> {
    promise::lock(conn, policy)?;
    let keys = signing_keys::list(conn)?;
    // The state now: it may have changed since the caller read it.
    let Some(current) = keys.iter().find(|other| other.kid == key.kid) else { return Ok(None) };
    let from = KeyState::from_name(&current.state).ok_or_else(|| {
        DbError::Broken(format!("signing key {} is in the unknown state {}", key.kid, current.state))
    })?;
    let (to, event, by) = (KeyState::Destroyed, Name::KeyRevoked, &by.into());
    signing_keys::change(conn, &Change { kid: &key.kid, from, to, until: 0, by, event }, now)?;
    match (from, SigningAlg::from_name(&current.alg)) {
        (KeyState::Active, Some(alg)) => activate_next(conn, &keys, alg, fresh, by, now),
        _ => Ok(None),
    }
}

/// Activates the published spare, else the pending one, else `fresh`; returns its `kid`.
fn activate_next(
    conn: &mut Conn,
    keys: &[StoredKey],
    alg: SigningAlg,
    fresh: Option<&StoredKey>,
    by: &By,
    now: OffsetDateTime,
) -> Result<Option<String>, DbError> {
    for from in [KeyState::Published, KeyState::Pending] {
        let Some(next) = find(keys, alg, from) else { continue };
        let (kid, to, event) = (next.kid.as_str(), KeyState::Active, Name::KeyActivated);
        signing_keys::change(conn, &Change { kid, from, to, until: 0, by, event }, now)?;
        return Ok(Some(next.kid.clone()));
    }
    if let Some(fresh) = fresh {
        signing_keys::insert(conn, fresh, now)?;
    }
    Ok(fresh.map(|fresh| fresh.kid.clone()))
}

/// A key that the database has already, or had once.
#[derive(Debug, thiserror::Error)]
#[error(
    "there is a key {kid} already ({alg}, {state}); a key has one name and one algorithm, and one that was destroyed does \
     not come back"
)]
pub struct KnownKey {
    /// Its name.
    pub kid: String,
    /// The algorithm it is for.
    pub alg: String,
    /// Its state.
    pub state: String,
}

/// Why a key cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The database has this key already, or had it once.
    #[error(transparent)]
    Known(KnownKey),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Imports a key. An active one replaces the present active key, which stays public.
pub fn import(
    conn: &mut Conn,
    key: &StoredKey,
    policy: &KeyPolicy,
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<(), ImportError> {
    let (promise, by) = (promise::lock(conn, policy)?, &by.into());
    let thumbprint_of =
        |key: &StoredKey| serde_json::from_str(&key.public_jwk).ok().map(|jwk| thumbprint(&jwk));
    for other in signing_keys::list_all(conn)? {
        if other.kid == key.kid || thumbprint_of(&other) == thumbprint_of(key) {
            let StoredKey { kid, alg, state, .. } = other;
            return Err(ImportError::Known(KnownKey { kid, alg, state }));
        }
        if other.state == KeyState::Active.name() && other.state == key.state && other.alg == key.alg {
            let (from, to, until) = (KeyState::Active, KeyState::Retiring, promise.may_leave_at(policy, now));
            let event = Name::KeyRetiring;
            signing_keys::change(conn, &Change { kid: &other.kid, from, to, until, by, event }, now)?;
        }
    }
    Ok(signing_keys::import(conn, key, by, now)?)
}

/// Seals every private key and secret again, under the first instance key; returns how many there were.
pub fn reseal(
    conn: &mut Conn,
    instance: &InstanceKeys,
    policy: &KeyPolicy,
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<Result<usize, KeyError>, DbError> {
    promise::lock(conn, policy)?;
    let mut count = 0;
    for key in signing_keys::list(conn)? {
        let Some(sealed) = &key.private_sealed else { continue };
        let Ok(plain) =
            seal::open(instance, PURPOSE, key.kid.as_bytes(), sealed).map(zeroize::Zeroizing::new)
        else {
            return Ok(Err(KeyError::Sealed(format!(
                "signing key {} does not open with the instance keys at hand; list the one it was sealed with, or \
                 revoke it",
                key.kid
            ))));
        };
        signing_keys::reseal(conn, &key.kid, seal::seal(instance, PURPOSE, key.kid.as_bytes(), &plain))?;
        count += 1;
    }
    for (name, sealed) in secrets::list(conn)? {
        let Ok(plain) = seal::open(instance, SECRET, name.as_bytes(), &sealed).map(zeroize::Zeroizing::new)
        else {
            return Ok(Err(KeyError::Sealed(format!(
                "the secret {name:?} does not open with the instance keys at hand"
            ))));
        };
        secrets::reseal(conn, &name, seal::seal(instance, SECRET, name.as_bytes(), &plain))?;
        count += 1;
    }
    for secret in clients::secrets::sealed(conn)? {
        match seal_again(instance, &secret) {
            Ok(sealed) => clients::secrets::reseal(conn, &secret, sealed)?,
            Err(error) => return Ok(Err(error)),
        }
        count += 1;
    }
    let fingerprint = instance.first().fingerprint();
    facts::set(conn, FACT, &fingerprint)?;
    Event::new(Name::KeyResealed, &by.into()).about(&fingerprint).with("sealed", count).record(conn, now)?;
    Ok(Ok(count))
}
