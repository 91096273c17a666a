//! Short-lived state: browser records, authorization codes, pending requests, counters. Typed drawers over one narrow
//! key-value contract; no key leaves this module as a string.

pub mod kv; // the contract, in Redis or in SQL tables
mod mac; // authenticates values

pub mod survey; // checks of a store, for operators

pub mod access_tokens; // opaque ones
pub mod assertions; // those of clients that were used
pub mod codes;
pub mod device_codes;
pub mod failures; // of each client, for its developer
pub mod limits; // on guessing passwords and client secrets
pub mod mark; // notices the loss of a store
mod recent_reports; // what this node has reported lately
pub mod sessions;
pub mod tickets;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use self::limits::client_secrets::ClientSecretLimits;
use self::limits::passwords::PasswordLimits;
use self::limits::user_codes::UserCodeLimits;
use crate::protocol::lifetimes::Lifetimes;
use crate::secret::MacKeys;

/// The SQL table's own migrations.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/state");
/// The layout of the tables in the embedded engine, which no other engine has.
const ON_SQLITE: EmbeddedMigrations = embed_migrations!("migrations/state_on_sqlite");

/// The state store did not do what it was asked. An absent value is no error.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The store cannot be read or written at this moment; its values are not lost.
    #[error("the state store cannot be reached: {0}")]
    Unreachable(String),
    /// A stored value cannot be read by this version, or the store refused a request.
    #[error("the state store cannot be used: {0}")]
    Broken(String),
    /// Concurrent changes of the same value made every attempt fail.
    #[error("the value kept changing")]
    Contended,
}

/// All drawers.
#[derive(Clone)]
pub struct State {
    /// Browser records.
    pub sessions: sessions::Sessions,
    /// Opaque access tokens.
    pub access_tokens: access_tokens::AccessTokens,
    /// Authorization codes.
    pub codes: codes::Codes,
    /// Requests of devices, and their polls.
    pub device_codes: device_codes::DeviceCodes,
    /// Client assertions that were used.
    pub assertions: assertions::Assertions,
    /// Pending requests: completed ones, and those too large for an address.
    pub tickets: tickets::Tickets,
    /// Limits on guessing passwords.
    pub password_limits: PasswordLimits,
    /// Limits on guessing user codes.
    pub user_code_limits: UserCodeLimits,
    /// Limits on guessing client secrets.
    pub client_secret_limits: ClientSecretLimits,
    /// The last failures of each client, for its developer.
    pub failures: failures::Failures,
    /// The mark by which a loss of the store is noticed.
    pub mark: mark::Mark,
}

impl State {
    /// Makes the drawers of one store, whose values are authenticated with these keys. Counters and indexes carry no MAC:
    /// they grant nothing, and deleting them needs no key.
    pub fn new(kv: &kv::Kv, keys: MacKeys, lifetimes: &Lifetimes) -> State {
        let values = mac::MacKv::new(kv.clone(), keys);
        let sessions = sessions::Sessions::new(values.clone(), kv.clone(), lifetimes.session);
        State {
            access_tokens: access_tokens::AccessTokens::new(values.clone()),
            codes: codes::Codes::new(values.clone(), sessions.clone(), lifetimes.code),
            device_codes: device_codes::DeviceCodes::new(values.clone(), kv.clone()),
            sessions,
            assertions: assertions::Assertions::new(values.clone()),
            tickets: tickets::Tickets::new(values.clone(), kv.clone()),
            password_limits: PasswordLimits::new(kv.clone()),
            user_code_limits: UserCodeLimits::new(kv.clone()),
            client_secret_limits: ClientSecretLimits::new(kv.clone()),
            failures: failures::Failures::new(values.clone()),
            mark: mark::Mark::new(values),
        }
    }
}
