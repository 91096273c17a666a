//! Cache of clients. An entry stays until a change of its client is seen: each node reads the list of changes once a
//! second. While a node cannot read it, its entries are not used for longer than a few seconds. Changes of resources are
//! listed as well, so that one statement a second sees all changes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use moka::sync::Cache;
use time::OffsetDateTime;

use super::changes::RESOURCES;
use super::secrets;
use crate::db::fixed::{Bind, fixed, statement};
use crate::db::{Db, DbError, each};
use crate::protocol::client::{Client, LastUse};

/// How long entries are used after the last look at the changes: each change is in force on every node within this time,
/// even if the node cannot reach the database.
const TRUSTED: Duration = Duration::from_secs(5);
/// Size limit of the cache, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;
/// How long a node waits before it tries again to write the use of the same secret.
const USE_EVERY: Duration = Duration::from_secs(60);

statement! { Since -> (BigInt, Text):
    "SELECT seq, client_id FROM client_changes WHERE seq >= ? ORDER BY seq"
}
statement! { Last -> BigInt: "SELECT seq FROM client_changes ORDER BY seq DESC LIMIT 1" }

/// The cache. The absence of a client is never cached.
#[derive(Clone)]
pub struct Clients {
    db: Db,
    entries: Cache<String, Entry>,
    position: Arc<Mutex<Position>>,
    looks: Arc<AtomicU64>,
    /// Secrets whose use this node has just written, or is writing.
    used: Cache<(String, i64), ()>,
}

/// A client, and its approximate size in memory, in bytes.
#[derive(Clone)]
struct Entry {
    client: Arc<Client>,
    size: u32,
}

/// The position of this node in the list of changes.
#[derive(Clone, Copy, Default)]
struct Position {
    /// The last change that was read.
    seq: i64,
    /// The time of the last look; none before the first one, and then the cache is not used.
    at: Option<Instant>,
}

impl Position {
    fn is_trusted(&self) -> bool {
        self.at.is_some_and(|at| at.elapsed() < TRUSTED)
    }
}

/// The result of a look at the list of changes.
pub struct Seen {
    now: Position,
    /// What was changed since the last look; none if that is not known.
    changed: Option<Vec<(i64, String)>>,
}

impl Seen {
    /// Tells whether the resources were changed, or may have been.
    pub fn has_resources(&self) -> bool {
        self.changed.as_ref().is_none_or(|changed| changed.iter().any(|(_, id)| id == RESOURCES))
    }
}

impl Clients {
    /// An empty cache.
    pub fn new(db: Db) -> Clients {
        let entries = Cache::builder().max_capacity(LARGEST).weigher(|_, entry: &Entry| entry.size).build();
        let used = Cache::builder().max_capacity(10_000).time_to_live(USE_EVERY).build();
        Clients { db, entries, position: Arc::default(), looks: Arc::default(), used }
    }

    /// Finds an enabled client.
    pub async fn find(&self, id: &str) -> Result<Option<Arc<Client>>, DbError> {
        self.find_first(&[id]).await
    }

    /// Finds the first of these that is an enabled client; at most one statement.
    pub async fn find_first(&self, ids: &[&str]) -> Result<Option<Arc<Client>>, DbError> {
        let seen = *self.position();
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

    /// Writes the use of a secret if that is due: beside the request, which does not wait for it.
    pub fn note_use(&self, client: &Client, number: i64, network: Option<String>, now: OffsetDateTime) {
        let Some(secret) = client.secrets.use_to_write(number, now) else { return };
        if !self.used.entry((client.id.clone(), number)).or_insert(()).is_fresh() {
            return;
        }
        let (db, id, last) = (self.db.clone(), client.id.clone(), LastUse { at: now, network });
        let before = secret.last_use.as_ref().map(|last| last.at);
        tokio::spawn(async move {
            if let Err(error) = secrets::used(&db, id, number, last, before).await {
                tracing::warn!(%error, "the last use of a client secret could not be written");
            }
        });
    }

    /// Caches a client that was read when the list of changes was `seen`.
    fn keep(&self, (client, size): (Client, usize), seen: Position) -> Arc<Client> {
        let client = Arc::new(client);
        let now = self.position();
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

    /// Reads what was changed since the last look, for [`Clients::take`].
    pub async fn look(&self) -> Result<Seen, DbError> {
        let (before, begun) = (*self.position(), Instant::now());
        self.looks.fetch_add(1, Ordering::Relaxed);
        if before.at.is_none() {
            let seq = self.db.read(|conn| Ok(each!(conn, |c| fixed::<Last>(&[]).get_result(c)?))).await?;
            return Ok(Seen { now: Position { seq, at: Some(begun) }, changed: None });
        }
        let from = before.seq;
        let changes = self.db.read(move |conn| {
            let changes: Vec<(i64, String)> =
                each!(conn, |c| fixed::<Since>(&[Bind::Number(from)]).load(c)?);
            Ok(changes)
        });
        let mut changes = changes.await?;
        // The last change that was seen is still listed, unless too many followed or the database was replaced.
        if changes.first().is_none_or(|(first, _)| *first != from) {
            return Ok(Seen { now: Position::default(), changed: None });
        }
        changes.remove(0);
        let seq = changes.last().map_or(from, |(seq, _)| *seq);
        Ok(Seen { now: Position { seq, at: Some(begun) }, changed: Some(changes) })
    }

    /// Removes the clients that were changed, or all if that is not known. From now on the others are used again, so
    /// what else was changed must have been taken over before.
    pub fn take(&self, seen: &Seen) {
        let mut position = self.position();
        match &seen.changed {
            Some(changed) => changed.iter().for_each(|(_, id)| self.entries.invalidate(id)),
            None => self.entries.invalidate_all(),
        }
        *position = seen.now;
    }

    /// Number of looks so far, of one statement each.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    fn position(&self) -> MutexGuard<'_, Position> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
