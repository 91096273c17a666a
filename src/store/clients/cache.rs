//! Cache of clients. An entry stays until a change of its client is seen: each node reads the list of changes once a
//! second. While a node cannot read it, its entries are not used for longer than a few seconds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use moka::sync::Cache;

use crate::db::fixed::{Bind, fixed, statement};
use crate::db::{Conn, Db, DbError, each};
use crate::protocol::client::Client;

/// How long entries are used after the last look at the changes: each change is in force on every node within this time,
/// even if the node cannot reach the database.
const TRUSTED: Duration = Duration::from_secs(5);
/// Size limit of the cache, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;
/// Length of the list of changes: a node that missed more empties its cache.
const LISTED: i64 = 1000;

statement! { Since -> (BigInt, Text):
    "SELECT seq, client_id FROM client_changes WHERE seq >= ? ORDER BY seq"
}
statement! { Last -> BigInt: "SELECT seq FROM client_changes ORDER BY seq DESC LIMIT 1" }
statement! { Number -> Text:
    "UPDATE facts SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = 'client_changes' RETURNING value"
}
statement! { Note -> (): "INSERT INTO client_changes (seq, client_id) VALUES (?, ?)" }
statement! { Forget -> (): "DELETE FROM client_changes WHERE seq <= ?" }

/// Adds a client to the list of changes, in the transaction of its change.
pub(super) fn note(conn: &mut Conn, client_id: &str) -> Result<(), DbError> {
    let number: String = each!(conn, |c| fixed::<Number>(&[]).get_result(c)?);
    let number: i64 =
        number.parse().map_err(|error| DbError::Broken(format!("client_changes {number:?}: {error}")))?;
    each!(conn, |c| fixed::<Note>(&[Bind::Number(number), Bind::Text(client_id)]).execute(c)?);
    each!(conn, |c| fixed::<Forget>(&[Bind::Number(number - LISTED)]).execute(c)?);
    Ok(())
}

/// The cache. The absence of a client is never cached.
#[derive(Clone)]
pub struct Clients {
    db: Db,
    entries: Cache<String, Entry>,
    seen: Arc<Mutex<Seen>>,
    looks: Arc<AtomicU64>,
}

/// A client, and its approximate size in memory, in bytes.
#[derive(Clone)]
struct Entry {
    client: Arc<Client>,
    size: u32,
}

/// The position of this node in the list of changes.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// The last change that was read.
    seq: i64,
    /// The time of the last look; none before the first one, and then the cache is not used.
    at: Option<Instant>,
}

impl Seen {
    fn is_trusted(&self) -> bool {
        self.at.is_some_and(|at| at.elapsed() < TRUSTED)
    }
}

impl Clients {
    /// An empty cache.
    pub fn new(db: Db) -> Clients {
        let entries = Cache::builder().max_capacity(LARGEST).weigher(|_, entry: &Entry| entry.size).build();
        Clients { db, entries, seen: Arc::default(), looks: Arc::default() }
    }

    /// Finds an enabled client.
    pub async fn find(&self, id: &str) -> Result<Option<Arc<Client>>, DbError> {
        self.find_first(&[id]).await
    }

    /// Finds the first of these that is an enabled client; at most one statement.
    pub async fn find_first(&self, ids: &[&str]) -> Result<Option<Arc<Client>>, DbError> {
        let seen = *self.seen();
        let cached = |id: &&str| self.entries.get(*id).filter(|_| seen.is_trusted());
        let known = ids.iter().enumerate().find_map(|(at, id)| Some((at, cached(id)?)));
        let (earlier, known) = match known {
            Some((at, entry)) => (ids.get(..at).unwrap_or_default(), Some(entry.client)),
            None => (ids, None),
        };
        let mut found = match earlier {
            [] => return Ok(known),
            [id] => super::read(&self.db, id).await?.into_iter().collect(),
            several => super::read_all(&self.db, several).await?,
        };
        found.retain(|(client, _)| !client.disabled);
        let first = earlier.iter().find_map(|id| found.iter().position(|(client, _)| client.id == *id));
        Ok(match first {
            Some(at) => Some(self.keep(found.swap_remove(at), seen)),
            None => known,
        })
    }

    /// Caches a client that was read when the list of changes was `seen`.
    fn keep(&self, (client, size): (Client, usize), seen: Seen) -> Arc<Client> {
        let client = Arc::new(client);
        let now = self.seen();
        // A client that was read before a change that has been seen meanwhile must not be cached: no later look would
        // remove it.
        if seen.is_trusted() && now.seq == seen.seq {
            // Parsed metadata take more memory than their text.
            let size = u32::try_from(1000 + 2 * size).unwrap_or(u32::MAX);
            self.entries.insert(client.id.clone(), Entry { client: Arc::clone(&client), size });
        }
        drop(now);
        client
    }

    /// Removes the clients that were changed since the last look.
    pub async fn look(&self) -> Result<(), DbError> {
        let (before, begun) = (*self.seen(), Instant::now());
        self.looks.fetch_add(1, Ordering::Relaxed);
        if before.at.is_none() {
            let last = self.db.read(|conn| Ok(each!(conn, |c| fixed::<Last>(&[]).get_result(c)?))).await?;
            self.saw(Seen { seq: last, at: Some(begun) }, None);
            return Ok(());
        }
        let from = before.seq;
        let changes = self.db.read(move |conn| {
            let changes: Vec<(i64, String)> =
                each!(conn, |c| fixed::<Since>(&[Bind::Number(from)]).load(c)?);
            Ok(changes)
        });
        let changes = changes.await?;
        // The last change that was seen is still listed, unless too many followed or the database was replaced.
        match changes.split_first() {
            Some(((first, _), new)) if *first == from => {
                let last = new.last().map_or(from, |(seq, _)| *seq);
                self.saw(Seen { seq: last, at: Some(begun) }, Some(new));
            }
            _ => self.saw(Seen::default(), None),
        }
        Ok(())
    }

    /// Number of looks so far, of one statement each.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// Stores the position, and removes these clients, or all.
    fn saw(&self, now: Seen, changed: Option<&[(i64, String)]>) {
        let mut seen = self.seen();
        match changed {
            Some(changed) => changed.iter().for_each(|(_, id)| self.entries.invalidate(id)),
            None => self.entries.invalidate_all(),
        }
        *seen = now;
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
