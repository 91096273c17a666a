//! The keys under which personal detail is sealed: one for each person, sealed by a secret of the
//! installation, which the instance key seals in turn.

use std::sync::Arc;

use diesel::prelude::*;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::db::{Conn, DbError, each};
use crate::secret::{Key, base64url};
use crate::store::schema::person_keys;

/// What a person's key is sealed for.
const PERSON: &str = "person key";
/// What personal detail of an event is sealed for.
const DETAIL: &str = "event";
/// How much of a keyed hash is kept: enough to tell networks and names apart.
const HASH: usize = 16;

/// The secret of the installation that everything personal in events hangs on.
#[derive(Clone)]
pub struct Vault(Arc<Keys>);

struct Keys {
    persons: Key,
    hashes: Key,
}

impl Vault {
    /// What hangs on this secret.
    pub fn new(secret: &Key) -> Vault {
        let derived = |purpose| Key::new(*secret.derive::<32>(purpose, b""));
        Vault(Arc::new(Keys { persons: derived("person keys"), hashes: derived("event hashes") }))
    }

    /// A name for a network that tells nothing to those without the secret.
    pub fn network(&self, network: &str) -> String {
        self.hash(&[b"network\0", network.as_bytes()])
    }

    /// The same for a typed name that is of no account: people type passwords there.
    pub fn typed(&self, folded: &str) -> String {
        self.hash(&[b"typed\0", folded.as_bytes()])
    }

    fn hash(&self, parts: &[&[u8]]) -> String {
        base64url(self.0.hashes.mac(parts).first_chunk::<HASH>().unwrap_or(&[0; HASH]))
    }

    /// Seals personal detail of one event for a person, whose key is made if there is none; seals none when the
    /// person's key does not open. Answers how many statements that took as well.
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

    /// Opens what was sealed; none when the person's key is gone, or what was sealed is of another event.
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

    /// Of two that are made at the same moment one stays, and both writers seal with it.
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

/// A person's key, sealed; none when it was never made, or is gone.
fn stored(conn: &mut Conn, person: &str) -> Result<Option<Vec<u8>>, DbError> {
    let row = person_keys::table.find(person).select(person_keys::sealed);
    Ok(row.first(conn).optional()?)
}
