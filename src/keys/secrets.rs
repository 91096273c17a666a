//! Long-lived secrets. Each is drawn at random once and rests sealed in the database.

use zeroize::Zeroizing;

use super::KeyError;
use super::fingerprint::{self, FACT, instance_keys_for};
use super::instance::{InstanceKeys, Source};
use super::seal;
use crate::db::{Conn, Db, DbError};
use crate::secret::{Key, MacKeys};
use crate::store::events::Vault;
use crate::store::{facts, secrets};

/// The purpose under which secrets are sealed; the name of the secret is bound to it.
pub const SECRET: &str = "secret";
/// The name of the secret from which the keys for personal detail of events are derived.
pub(super) const AUDIT: &str = "audit";
/// The purpose of the keys that authenticate values in the state store.
pub(super) const STATE: &str = "state";

/// The keys that authenticate values in the state store, for a command that is not a node: it makes no instance
/// key. Before the first node has run the state store is empty, and a random key is enough.
pub fn state_keys(db: &Db, source: &Source) -> Result<MacKeys, KeyError> {
    match db.read_now(|conn| facts::get(conn, FACT))? {
        Some(recorded) => Ok(instance_keys_for(db, source)?.mac_keys(&recorded, STATE)),
        None => Ok(MacKeys::new(Key::generate(), vec![])),
    }
}

/// The keys for personal detail of events, for the command line; none when the instance key is missing, or no node
/// has recorded one yet. Makes no instance key.
pub fn vault(db: &Db, source: &Source) -> Result<Option<Vault>, KeyError> {
    let recorded = db.read_now(|conn| facts::get(conn, FACT))?;
    let Some((keys, recorded)) = InstanceKeys::read(source)?.zip(recorded) else { return Ok(None) };
    let instance = fingerprint::check(db, keys, &recorded)?;
    // Reading writes nothing, except in a database that is older than this secret.
    let stored = db.read_now(secrets::list)?.into_iter().find(|(name, _)| name == AUDIT);
    let sealed = match stored {
        Some((_, sealed)) => sealed,
        None => db.write_now(|conn| get_or_make(conn, AUDIT, &instance))?,
    };
    Ok(Some(Vault::new(&open(AUDIT, &sealed, &instance)?)))
}

/// The sealed secret of this name; a new one is stored if there is none.
pub(super) fn get_or_make(conn: &mut Conn, name: &str, instance: &InstanceKeys) -> Result<Vec<u8>, DbError> {
    let sealed = seal::seal(instance, SECRET, name.as_bytes(), Key::generate().expose());
    secrets::get_or_insert(conn, name, sealed)
}

/// Opens a sealed secret.
pub(super) fn open(name: &str, sealed: &[u8], instance: &InstanceKeys) -> Result<Key, KeyError> {
    let opened = seal::open(instance, SECRET, name.as_bytes(), sealed).map(Zeroizing::new);
    let opened = opened.ok().and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    opened.map(Key::new).ok_or_else(|| KeyError::Sealed(format!("the secret {name:?} cannot be opened")))
}
