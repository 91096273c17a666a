//! Keys for personal detail: one for each person, sealed under a secret of the installation, which is sealed under the
//! instance key.

use std::sync::Arc;

use diesel::prelude::*;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::db::{Conn, DbError, each};
use crate::secret::{Key, base64url};
use crate::store::schema::person_keys;

/// The purpose of the seal of a person's key.
const PERSON: &str = "person key";
/// The purpose of the seal of an event's personal detail.
const DETAIL: &str = "event";
/// Stored length of a keyed hash, in bytes: enough to tell networks and names apart.
const HASH: usize = 16;

/// The keys that are derived from the installation's secret for events.
#[derive(Clone)]
pub struct Vault(Arc<Keys>);

struct Keys {
    persons: Key,
    hashes: Key,
}

impl Vault {
    /// Derives the keys from the secret.
    pub fn new(secret: &Key) -> Vault {
        let derived = |purpose| Key::new(*secret.derive::<32>(purpose, b""));
        Vault(Arc::new(Keys { persons: derived("person keys"), hashes: derived("event hashes") }))
    }

    /// The keyed hash of a network.
    pub fn network(&self, network: &str) -> String {
        self.hash(&[b"network\0", network.as_bytes()])
    }

    /// The keyed hash of a typed name of no account. It must not be readable, because people type passwords there.
    pub fn typed(&self, folded: &str) -> String {
        self.hash(&[b"typed\0", folded.as_bytes()])
    }

    fn hash(&self, parts: &[&[u8]]) -> String {
        base64url(self.0.hashes.mac(parts).first_chunk::<HASH>().unwrap_or(&[0; HASH]))
    }

    /// Seals personal detail of one event under a person's key, which is created if there is none. None when the person's
    /// key cannot be opened. Answers the number of statements, too.
    pub(super) fn seal(
        &self,
        conn: &mut Conn,
        person: &str,
        event: &str,
        detail: &Map<String, Value>,
    ) -> Result<(Option<Vec<u8>>, u64), DbError> {
        let (key, asked) = match stored(conn, person)? {
            Some(sealed) => (self.opened(person, &sealed), 1),
            None => (self.make(conn, person)?, 3),
        };
        let Some(key) = key else { return Ok((None, asked)) };
        let plain = serde_json::to_vec(detail).map(Zeroizing::new);
        let plain = plain.map_err(|error| DbError::Broken(error.to_string()))?;
        Ok((Some(key.seal(DETAIL, event.as_bytes(), &plain)), asked))
    }

    /// Opens sealed detail; none when the person's key was deleted, or the detail belongs to another event.
    pub fn open(
        &self,
        conn: &mut Conn,
        person: &str,
        event: &str,
        sealed: &[u8],
    ) -> Result<Option<Map<String, Value>>, DbError> {
        let Some(stored) = stored(conn, person)? else { return Ok(None) };
        let key = self.opened(person, &stored);
        let key = key.ok_or_else(|| DbError::Broken(format!("the key of person {person} does not open")))?;
        let plain = key.open(DETAIL, event.as_bytes(), sealed).map(Zeroizing::new);
        Ok(plain.and_then(|plain| serde_json::from_slice(&plain).ok()))
    }

    /// Creates a person's key. Of concurrent calls one key is stored, and all seal with it.
    fn make(&self, conn: &mut Conn, person: &str) -> Result<Option<Key>, DbError> {
        let sealed = self.0.persons.seal(PERSON, person.as_bytes(), Key::generate().expose());
        let row = (person_keys::person.eq(person), person_keys::sealed.eq(sealed));
        each!(conn, |c| diesel::insert_into(person_keys::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c)?);
        let row = person_keys::table.find(person).select(person_keys::sealed);
        Ok(self.opened(person, &row.first::<Vec<u8>>(conn)?))
    }

    fn opened(&self, person: &str, sealed: &[u8]) -> Option<Key> {
        let opened = self.0.persons.open(PERSON, person.as_bytes(), sealed).map(Zeroizing::new);
        let key = opened.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
        key.map(Key::new)
    }
}

/// A person's sealed key; none when it was never created, or was deleted.
fn stored(conn: &mut Conn, person: &str) -> Result<Option<Vec<u8>>, DbError> {
    let row = person_keys::table.find(person).select(person_keys::sealed);
    Ok(row.first(conn).optional()?)
}
