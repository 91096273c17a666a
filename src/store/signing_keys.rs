//! Sealed signing keys, and the states of their life.
//!
//! Each change requires the state in which the key was read, so that of concurrent nodes one succeeds. It writes an event.

use std::fmt;

use diesel::prelude::*;
use time::OffsetDateTime;

use super::events::{Actor, By, Event};
use super::schema::signing_keys;
use crate::db::{Conn, DbError};
use crate::protocol::client::SigningAlg;
use crate::protocol::event::Name;

/// The state of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyState {
    /// Created, and not public yet.
    Pending,
    /// In the public set; signs nothing yet.
    Published,
    /// Signs.
    Active,
    /// In the public set; signs nothing any more, and its private part is deleted.
    Retiring,
    /// Recognises old ID Tokens that come back as hints, and nothing else.
    Retained,
    /// Unusable; only its name is stored.
    Destroyed,
}

impl KeyState {
    const ALL: [KeyState; 6] = [
        KeyState::Pending,
        KeyState::Published,
        KeyState::Active,
        KeyState::Retiring,
        KeyState::Retained,
        KeyState::Destroyed,
    ];

    /// Its stored name.
    pub fn name(self) -> &'static str {
        match self {
            KeyState::Pending => "pending",
            KeyState::Published => "published",
            KeyState::Active => "active",
            KeyState::Retiring => "retiring",
            KeyState::Retained => "retained",
            KeyState::Destroyed => "destroyed",
        }
    }

    /// The inverse of [`KeyState::name`].
    pub fn from_name(name: &str) -> Option<KeyState> {
        KeyState::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Tells whether the key is in the public set.
    pub fn is_public(self) -> bool {
        matches!(self, KeyState::Published | KeyState::Active | KeyState::Retiring)
    }
}

/// A stored signing key.
#[derive(Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = signing_keys)]
pub struct StoredKey {
    /// The RFC 7638 thumbprint, or the name of an imported key.
    pub kid: String,
    /// Its algorithm.
    pub alg: String,
    /// The name of its [`KeyState`].
    pub state: String,
    /// The public JWK.
    pub public_jwk: String,
    /// The sealed private key (PKCS#8 DER); deleted as soon as the key signs nothing any more.
    pub private_sealed: Option<Vec<u8>>,
    /// The time of its creation, in seconds since the epoch.
    pub created_at: i64,
    /// The beginning of its state, in seconds since the epoch.
    pub since: i64,
    /// The earliest end of its state, in seconds since the epoch: a published key signs nothing before, a retiring one is
    /// public until then, an active one is replaced then (0: when the policy says).
    pub until: i64,
}

/// Shows no private part.
impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = if self.private_sealed.is_some() { "with" } else { "without" };
        let StoredKey { kid, alg, state, since, until, .. } = self;
        write!(f, "({alg} {kid}: {state} since {since} until {until}, {has} its private part)")
    }
}

/// A change of state.
pub struct Change<'a> {
    /// The key.
    pub kid: &'a str,
    /// The required present state.
    pub from: KeyState,
    /// The new state.
    pub to: KeyState,
    /// The earliest end of the new state; see [`StoredKey::until`].
    pub until: i64,
    /// The actor.
    pub by: &'a By,
    /// The event.
    pub event: Name,
}

/// Every key that is not destroyed, oldest first.
pub fn list(conn: &mut Conn) -> Result<Vec<StoredKey>, DbError> {
    let alive = signing_keys::table.filter(signing_keys::state.ne(KeyState::Destroyed.name()));
    let mut keys: Vec<StoredKey> = alive.load(conn)?;
    sort(&mut keys);
    Ok(keys)
}

/// Every key, destroyed ones included, oldest first.
pub fn list_all(conn: &mut Conn) -> Result<Vec<StoredKey>, DbError> {
    let mut keys: Vec<StoredKey> = signing_keys::table.load(conn)?;
    sort(&mut keys);
    Ok(keys)
}

/// Sorts keys. The database does not sort them, because its order depends on a locale, and the public set must be the same
/// bytes on every node.
fn sort(keys: &mut [StoredKey]) {
    keys.sort_by(|a, b| (a.created_at, &a.kid).cmp(&(b.created_at, &b.kid)));
}

/// Stores a new key.
pub fn insert(conn: &mut Conn, key: &StoredKey, now: OffsetDateTime) -> Result<(), DbError> {
    add(conn, key, &By::from(Actor::System(None)), Name::KeyMade, now)
}

/// Stores an imported key.
pub fn import(conn: &mut Conn, key: &StoredKey, by: &By, now: OffsetDateTime) -> Result<(), DbError> {
    add(conn, key, by, Name::KeyImported, now)
}

fn add(conn: &mut Conn, key: &StoredKey, by: &By, event: Name, now: OffsetDateTime) -> Result<(), DbError> {
    diesel::insert_into(signing_keys::table).values(key).execute(conn)?;
    let event = Event::new(event, by).about(&key.kid).with("alg", key.alg.as_str());
    event.with("state", key.state.as_str()).record(conn, now)
}

/// Changes the state of a key; false when it is not in the required state. The private part is deleted with the last state
/// that needs it.
pub fn change(conn: &mut Conn, change: &Change<'_>, now: OffsetDateTime) -> Result<bool, DbError> {
    let key = signing_keys::table.find(change.kid).filter(signing_keys::state.eq(change.from.name()));
    let set = (
        signing_keys::state.eq(change.to.name()),
        signing_keys::since.eq(now.unix_timestamp()),
        signing_keys::until.eq(change.until),
    );
    if diesel::update(key).set(set).execute(conn)? == 0 {
        return Ok(false);
    }
    if !matches!(change.to, KeyState::Pending | KeyState::Published | KeyState::Active) {
        let key = signing_keys::table.find(change.kid);
        diesel::update(key).set(signing_keys::private_sealed.eq(None::<Vec<u8>>)).execute(conn)?;
    }
    let event = Event::new(change.event, change.by).about(change.kid).with("from", change.from.name());
    event.with("state", change.to.name()).record(conn, now)?;
    Ok(true)
}

/// Asks for the active key of a ring to be replaced as soon as another one may sign; false when there is none.
pub fn ask_to_rotate(
    conn: &mut Conn,
    alg: SigningAlg,
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    let active = signing_keys::table.filter(signing_keys::alg.eq(alg.name()));
    let active = active.filter(signing_keys::state.eq(KeyState::Active.name()));
    let kid: Option<String> = active.select(signing_keys::kid).first(conn).optional()?;
    let Some(kid) = kid else { return Ok(false) };
    let key = signing_keys::table.find(&kid);
    diesel::update(key).set(signing_keys::until.eq(now.unix_timestamp())).execute(conn)?;
    let event = Event::new(Name::KeyRotationAsked, &by.into()).about(&kid);
    event.with("alg", alg.name()).record(conn, now)?;
    Ok(true)
}

/// Replaces the sealed private part, and nothing else.
pub fn reseal(conn: &mut Conn, kid: &str, sealed: Vec<u8>) -> Result<(), DbError> {
    let key = signing_keys::table.find(kid);
    diesel::update(key).set(signing_keys::private_sealed.eq(Some(sealed))).execute(conn)?;
    Ok(())
}
