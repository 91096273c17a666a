//! What passes: browser records, authorization codes, spent marks. Typed drawers over one narrow
//! key-value contract; no string key escapes this module.

pub mod kv; // the contract, over Redis or a SQL table
mod mac; // authenticates what is stored

pub mod survey; // what an operator should know of it

pub mod codes;
pub mod failures; // what went wrong for each client
pub mod guesses; // of the secrets of clients
pub mod mark; // by which everybody notices that all is gone
pub mod sessions;
pub mod throttle;
pub mod tickets;
pub mod told; // what this node need not say again

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use crate::secret::MacKeys;

/// The SQL table's own migrations.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/state");
/// How the embedded engine lays the tables out: only it can.
const ON_SQLITE: EmbeddedMigrations = embed_migrations!("migrations/state_on_sqlite");

/// The state store could not be asked, which is not the same as having nothing.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Nothing can be read or written at this moment; what was there still is.
    #[error("the state store cannot be reached: {0}")]
    Unreachable(String),
    /// A stored value cannot be read by this version, or the store refused what it was asked.
    #[error("the state store cannot be used: {0}")]
    Broken(String),
    /// Others kept changing the same value.
    #[error("the value kept changing")]
    Contended,
}

/// All drawers.
#[derive(Clone)]
pub struct State {
    /// Who is signed in, by browser.
    pub sessions: sessions::Sessions,
    /// Authorization codes.
    pub codes: codes::Codes,
    /// Pending requests: completed ones, and those too large for an address.
    pub tickets: tickets::Tickets,
    /// Limits on guessing passwords.
    pub throttle: throttle::Throttle,
    /// Limits on guessing the secrets of clients.
    pub guesses: guesses::Guesses,
    /// What went wrong for each client, for its developer.
    pub failures: failures::Failures,
    /// Tells when the store has lost everything.
    pub mark: mark::Mark,
}

impl State {
    /// Opens the drawers of one store, whose values are authenticated with these keys. Counters are not: they hold
    /// no authority, and deleting them needs no MAC.
    pub fn new(kv: &kv::Kv, keys: MacKeys) -> State {
        let values = mac::MacKv::new(kv.clone(), keys);
        let sessions = sessions::Sessions::new(values.clone());
        State {
            codes: codes::Codes::new(values.clone(), sessions.clone()),
            sessions,
            tickets: tickets::Tickets::new(values.clone(), kv.clone()),
            throttle: throttle::Throttle::new(kv.clone()),
            guesses: guesses::Guesses::new(kv.clone()),
            failures: failures::Failures::new(values.clone()),
            mark: mark::Mark::new(values),
        }
    }
}
