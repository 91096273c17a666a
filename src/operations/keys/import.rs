//! Importing keys of another provider. They keep their names, so that its verifiers still find them.

use serde_json::Value;

use super::super::Operation;
use super::Installation;
use crate::db::DbError;
use crate::keys::KeyError;
use crate::keys::fingerprint::instance_keys_for;
use crate::keys::import::ImportedKey;
use crate::keys::jose::thumbprint;
use crate::keys::operator::{self, ImportError, KnownKey};
use crate::keys::promise;
use crate::keys::seal;
use crate::keys::stored_key::PURPOSE;
use crate::protocol::client::SigningAlg;
use crate::protocol::names::{HiddenCharacter, check_shown};
use crate::store::signing_keys::{KeyState, StoredKey};

/// The longest name of a key.
const LONGEST_KID: usize = 255;

/// The use of an imported key.
#[derive(Clone, Copy, Default)]
pub struct Imported<'a> {
    /// Its name; by default the name it has, else its RFC 7638 thumbprint.
    pub kid: Option<&'a str>,
    /// Its algorithm; by default the one in its JWK, else RS256 for RSA.
    pub alg: Option<SigningAlg>,
    /// Whether it signs from now on. Otherwise it only verifies.
    pub active: bool,
    /// The least number of days that it is public, if it only verifies.
    pub days: u16,
}

/// Why a key is not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportFault {
    /// Its name has a character that cannot be seen.
    #[error("the key's name {0}")]
    Hidden(#[from] HiddenCharacter),
    /// Its name is empty or too long.
    #[error("a key's name must have 1 to {LONGEST_KID} characters")]
    NameLength,
    /// Its JWK names another algorithm than the one asked for.
    #[error("key {kid} is for {}, not for {}: a key has one algorithm", known.name(), asked.name())]
    OtherAlgorithm {
        /// The key.
        kid: String,
        /// The algorithm of its JWK.
        known: SigningAlg,
        /// The algorithm asked for.
        asked: SigningAlg,
    },
    /// An RSA key cannot be used with the algorithm asked for.
    #[error("key {0} is an RSA key")]
    Rsa(String),
    /// Its algorithm is not known.
    #[error("it is not known what key {0} signs with")]
    NoAlgorithm(String),
    /// It should sign, and the configuration does not name its algorithm.
    #[error("{} is not configured: name it in algorithms under [keys] first", .0.name())]
    NotConfigured(SigningAlg),
    /// It should sign, and its private part is missing.
    #[error("to sign, the private key is needed")]
    NoPrivateKey,
    /// The database has the key already, or had it once.
    #[error(transparent)]
    Known(#[from] KnownKey),
    /// The instance key is missing.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Imports one key. If it signs from now on, the key that did so stays public.
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
            // The transaction is rolled back, with everything written in it.
            Err(ImportError::Known(other)) => {
                known = Some(other);
                Err(diesel::result::Error::RollbackTransaction.into())
            }
        }
    });
    match (taken, known) {
        (Ok(()), _) => Ok(key),
        (Err(_), Some(known)) => Err(known.into()),
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
    check_shown(&kid)?;
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

/// The algorithm of the key. The one in its JWK and the one asked for have to agree.
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
