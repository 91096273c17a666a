//! Operations on signing keys. They block and may make an RSA key, so they are for a thread beside those of requests.

mod import; // keys of another provider
mod revoke; // destroy keys in an emergency
mod rotate; // let the next key take over

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
    /// A sealed key or secret does not open; nothing was changed.
    #[error("{0}; nothing was changed")]
    Unopened(KeyError),
    /// The instance key is missing, or a key cannot be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The instance key and the key policy of this installation.
#[derive(Clone, Copy)]
pub struct Installation<'a> {
    /// The source of the instance key.
    pub instance_key: &'a Source,
    /// The key policy.
    pub policy: &'a KeyPolicy,
}

/// The result of sealing everything in the database again.
pub struct Resealed {
    /// The fingerprint of the instance key that was used.
    pub instance_key: String,
    /// The number of keys and secrets.
    pub count: usize,
}

/// Seals everything in the database again, with the first instance key.
pub fn reseal(op: &Operation<'_>, installation: Installation<'_>) -> Result<Resealed, KeyFault> {
    let instance = instance_keys_for(op.db, installation.instance_key)?;
    let policy = installation.policy;
    let count = op.db.write_now(|conn| operator::reseal(conn, &instance, policy, op.by.clone(), op.now))?;
    let count = count.map_err(KeyFault::Unopened)?;
    let instance_key = instance.fingerprints().into_iter().next().unwrap_or_default();
    Ok(Resealed { instance_key, count })
}
