//! Keys: the instance key that seals, the signing keys it seals, and the set that verifiers see.

pub mod brought; // keys that people bring along
pub mod by_hand; // what people do to the keys
pub mod instance; // the key that never enters the database
pub mod jose; // the only user of josekit
pub mod opened; // everything sealed in the database, opened once at start
pub mod policy; // how long keys live, and what caches are told
pub mod promise; // what was told under earlier policies
pub mod ring; // an immutable snapshot that signs and verifies
pub mod rotation; // what happens next: a pure plan
mod rsa; // signatures with RSA keys
pub mod seal; // authenticated encryption under the instance key
pub mod steps; // one step of the plan, in one transaction
pub mod upkeep; // what every node does every few seconds

use crate::protocol::client::SigningAlg;

/// Why keys cannot be used. No variant ever holds key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The instance key is missing, malformed or unprotected; the text says what to do.
    #[error("{0}")]
    Instance(String),
    /// Something sealed cannot be opened with the instance keys at hand.
    #[error("{0}")]
    Sealed(String),
    /// This node has not seen the database for so long that others may have done away with its keys.
    #[error("this node has not seen the database for {0} s and must not use its keys any longer")]
    OutOfTouch(i64),
    /// No key signs with this algorithm: it is not configured, or its first key is not known to verifiers yet.
    #[error("no {} key signs", .0.name())]
    NoKey(SigningAlg),
    /// A cryptographic operation failed.
    #[error("cryptography: {0}")]
    Crypto(String),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] crate::db::DbError),
}

impl From<openssl::error::ErrorStack> for KeyError {
    fn from(error: openssl::error::ErrorStack) -> Self {
        KeyError::Crypto(error.to_string())
    }
}
