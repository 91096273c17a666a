//! Keys: the instance key that seals, the signing keys it seals, and the set that verifiers see.

pub mod client_secrets; // those of clients that have to be known again
pub mod fingerprint; // which instance key the database was sealed with
pub mod import; // keys from files: PEM and JWK
pub mod instance; // the key that never enters the database
pub mod jose; // the only user of josekit
pub mod key_set; // all keys of a running provider
mod metrics; // age of the active keys
pub mod operator; // what operators do to the keys
pub mod plan; // the steps that are due: a pure function
pub mod policy; // how long keys live, and what caches are told
pub mod promise; // what caches were told under earlier policies
pub mod snapshot; // all signing keys, parsed: signs and verifies
pub mod rotate; // what every node does every few seconds
mod rsa; // signatures with RSA keys
pub mod seal; // authenticated encryption under the instance key
pub mod secrets; // long-lived secrets, sealed in the database
mod start; // all keys, opened once at start
pub mod step; // one step of the plan, in one transaction
pub mod stored_key; // a signing key as its row holds it

use crate::protocol::client::SigningAlg;

/// Why keys cannot be used. No variant ever holds key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The instance key is missing, malformed or unprotected; the text says what to do.
    #[error("{0}")]
    Instance(String),
    /// A sealed value cannot be opened with the configured instance keys.
    #[error("{0}")]
    Sealed(String),
    /// This node has not read the database for so long that other nodes may have retired its keys.
    #[error("this node has not seen the database for {0} s and must not use its keys any longer")]
    OutOfTouch(i64),
    /// No key signs with this algorithm: it is not configured, or verifiers do not know its first key yet.
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
