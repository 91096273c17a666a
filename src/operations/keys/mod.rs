//! Signing keys: what an operator changes of them. These verbs block, and may make an RSA key: they are for a thread
//! beside those of requests.

mod import; // keys of another provider
mod revoke; // at once, and for good
mod rotate; // in order

pub use import::{ImportFault, Imported, import};
pub use revoke::{Consequence, Next, Revoked, Which, consequences, revoke};
pub use rotate::{Turn, rotate};

use super::Operation;
use crate::db::DbError;
use crate::keys::KeyError;
use crate::keys::fingerprint::instance_keys_for;
use crate::keys::instance::Source;
use crate::keys::operator;
use crate::keys::policy::KeyPolicy;

/// Why keys are not changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// No key signs, or none with the algorithm that was named.
    #[error("there is no key that signs")]
    NoneSigns,
    /// There is no key of this name.
    #[error("there is no key {0:?}")]
    Unknown(String),
    /// Something sealed does not open; nothing was changed.
    #[error("{0}; nothing was changed")]
    Unopened(KeyError),
    /// The instance key is missing, or a key cannot be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What the keys of this installation are sealed with, and how long they live.
#[derive(Clone, Copy)]
pub struct Installation<'a> {
    /// Where the instance key is.
    pub instance_key: &'a Source,
    /// How long keys live.
    pub policy: &'a KeyPolicy,
}

/// Everything in the database, sealed anew.
pub struct Resealed {
    /// The fingerprint of the instance key that seals it now.
    pub instance_key: String,
    /// How many keys and secrets there were.
    pub count: usize,
}

/// Seals everything in the database anew, with the first of the instance keys.
pub fn reseal(op: &Operation<'_>, installation: Installation<'_>) -> Result<Resealed, KeyFault> {
    let instance = instance_keys_for(op.db, installation.instance_key)?;
    let policy = installation.policy;
    let count = op.db.write_now(|conn| operator::reseal(conn, &instance, policy, op.by.clone(), op.now))?;
    let count = count.map_err(KeyFault::Unopened)?;
    let instance_key = instance.fingerprints().into_iter().next().unwrap_or_default();
    Ok(Resealed { instance_key, count })
}
