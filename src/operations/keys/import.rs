//! Keys of another provider keep their names, so that its verifiers go on.

use serde_json::Value;

use super::super::Operation;
use super::Installation;
use crate::db::DbError;
use crate::keys::KeyError;
use crate::keys::fingerprint::instance_keys_for;
use crate::keys::import::ImportedKey;
use crate::keys::jose::thumbprint;
use crate::keys::operator::{self, ImportError};
use crate::keys::promise;
use crate::keys::seal;
use crate::keys::stored_key::PURPOSE;
use crate::protocol::client::SigningAlg;
use crate::protocol::names::check_shown;
use crate::store::signing_keys::{KeyState, StoredKey};

/// The longest name of a key.
const LONGEST_KID: usize = 255;

/// What an imported key is to be.
#[derive(Clone, Copy, Default)]
pub struct Imported<'a> {
    /// Its name; the one it had when absent, else its RFC 7638 thumbprint.
    pub kid: Option<&'a str>,
    /// What it signs with; what is known of it when absent, RS256 for RSA.
    pub alg: Option<SigningAlg>,
    /// Whether it signs from now on. Otherwise it only verifies.
    pub active: bool,
    /// For how many days it is public at least, if it only verifies.
    pub days: u16,
}

/// Why a key is not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportFault {
    /// Its name has a character that cannot be seen; the sentence says which.
    #[error("{0}")]
    Hidden(String),
    /// Its name is empty or too long.
    #[error("a key's name must have 1 to {LONGEST_KID} characters")]
    NameLength,
    /// It is known to be for one algorithm, and another one is asked for.
    #[error("key {kid} is for {}, not for {}: a key has one algorithm", known.name(), asked.name())]
    OtherAlgorithm {
        /// The key.
        kid: String,
        /// What it is for.
        known: SigningAlg,
        /// What it is to be for.
        asked: SigningAlg,
    },
    /// An RSA key cannot be used with the algorithm asked for.
    #[error("key {0} is an RSA key")]
    Rsa(String),
    /// What it signs with is not known.
    #[error("it is not known what key {0} signs with")]
    NoAlgorithm(String),
    /// It is to sign, and the configuration does not name its algorithm.
    #[error("{} is not configured: name it in algorithms under [keys] first", .0.name())]
    NotConfigured(SigningAlg),
    /// It is to sign, and its private part is missing.
    #[error("to sign, the private key is needed")]
    NoPrivateKey,
    /// It is here already, or was; the sentence says as what.
    #[error("{0}")]
    Known(String),
    /// The instance key is missing.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Imports one key. If it signs from now on, the one that did stays public.
pub fn import(
    op: &Operation<'_>,
    installation: Installation<'_>,
    key: ImportedKey,
    wanted: Imported<'_>,
) -> Result<StoredKey, ImportFault> {
    let key = prepare(op, installation, key, wanted)?;
    let mut known = None;
    let taken = op.db.write_now(|conn| {
        match operator::import(conn, &key, installation.policy, op.by.clone(), op.now) {
            Ok(()) => Ok(()),
            Err(ImportError::Db(error)) => Err(error),
            // What was written before is taken back with the transaction.
            Err(ImportError::Known(sentence)) => {
                known = Some(sentence);
                Err(diesel::result::Error::RollbackTransaction.into())
            }
        }
    });
    match (taken, known) {
        (Ok(()), _) => Ok(key),
        (Err(_), Some(sentence)) => Err(ImportFault::Known(sentence)),
        (Err(error), None) => Err(error.into()),
    }
}

/// The key as it is stored.
fn prepare(
    op: &Operation<'_>,
    installation: Installation<'_>,
    key: ImportedKey,
    wanted: Imported<'_>,
) -> Result<StoredKey, ImportFault> {
    let Installation { policy, instance_key } = installation;
    let kid = wanted.kid.map(str::to_owned).or_else(|| key.kid.clone());
    let kid = kid.unwrap_or_else(|| thumbprint(&key.public_jwk));
    check_shown("the key's name", &kid).map_err(ImportFault::Hidden)?;
    if kid.is_empty() || kid.len() > LONGEST_KID {
        return Err(ImportFault::NameLength);
    }
    let alg = algorithm(&kid, &key, wanted.alg)?;
    let since = op.now.unix_timestamp();
    let (state, private_sealed, until) = if wanted.active {
        if !policy.algorithms.contains(&alg) {
            return Err(ImportFault::NotConfigured(alg));
        }
        let der = key.private_der.ok_or(ImportFault::NoPrivateKey)?;
        let instance = instance_keys_for(op.db, instance_key)?;
        (KeyState::Active, Some(seal::seal(&instance, PURPOSE, kid.as_bytes(), &der)), 0)
    } else {
        let least = op.db.read_now(|conn| promise::read(conn, policy))?.may_leave_at(policy, op.now);
        (KeyState::Retiring, None, least.max(since + i64::from(wanted.days) * 86_400))
    };
    Ok(StoredKey {
        kid,
        alg: alg.name().into(),
        state: state.name().into(),
        public_jwk: Value::Object(key.public_jwk).to_string(),
        private_sealed,
        created_at: since,
        since,
        until,
    })
}

/// What the key signs with: what is known of it and what is asked for must agree.
fn algorithm(kid: &str, key: &ImportedKey, asked: Option<SigningAlg>) -> Result<SigningAlg, ImportFault> {
    let is_rsa = key.public_jwk.contains_key("n");
    let kid = || kid.to_owned();
    match (asked, key.alg) {
        (Some(asked), Some(known)) if asked != known => {
            Err(ImportFault::OtherAlgorithm { kid: kid(), known, asked })
        }
        (Some(SigningAlg::ES256 | SigningAlg::EdDSA), None) => Err(ImportFault::Rsa(kid())),
        (asked, known) => asked
            .or(known)
            .or(is_rsa.then_some(SigningAlg::RS256))
            .ok_or_else(|| ImportFault::NoAlgorithm(kid())),
    }
}
