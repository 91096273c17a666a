//! Keys: who may open what, and what the world sees of them.

mod ahead;
mod between_steps;
mod clocks;
mod foreign;
mod foreign_library;
mod golden;
mod headers;
mod instance;
mod lost_touch;
mod plan;
mod policies;
mod promise;
mod purposes;
mod revoked;
mod sealing;
mod signing;
pub mod step;

use countersign::db::Db;
use countersign::keys::KeyError;
use countersign::keys::instance::{Given, InstanceKeys, Source};
use countersign::keys::key_set::Keys;
use countersign::keys::policy::{KeyPolicy, KeySettings};
use countersign::protocol::lifetimes::Lifetimes;
use countersign::secret::{Key, base64url};
use time::OffsetDateTime;

use crate::store::{Store, sqlite_place, store};

/// An empty SQLite database.
pub fn database() -> Store {
    store(sqlite_place())
}

pub fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap()
}

/// A new instance key as it is written down.
pub fn key_text() -> String {
    base64url(Key::generate().expose())
}

/// Keys given as text.
pub fn given(text: &str) -> Source {
    Source::Given(Given(text.into()))
}

pub fn instance(text: &str) -> InstanceKeys {
    InstanceKeys::read(&given(text)).unwrap().unwrap()
}

pub fn open(db: &Db, source: &Source) -> Result<Keys, KeyError> {
    Keys::open(db, source, &policy(), now())
}

/// What holds when nothing is configured.
pub fn policy() -> KeyPolicy {
    KeyPolicy::new(KeySettings::default(), Lifetimes::default().longest_token()).unwrap()
}

/// The text of a refusal to open.
pub fn refused(db: &Db, source: &Source) -> String {
    open(db, source).err().expect("it must refuse").to_string()
}
