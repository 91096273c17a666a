//! Clients in memory. One is kept until a change of it is seen: each node looks once a second what was changed. While
//! a node cannot look, what it keeps is not trusted for longer than a few seconds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use moka::sync::Cache;

use crate::db::fixed::{Bind, fixed, statement};
use crate::db::{Conn, Db, DbError, each};
use crate::protocol::client::Client;

/// How long what is kept is trusted after the last look: a change is live on every node within this, even if the node
/// cannot reach the database.
const TRUSTED: Duration = Duration::from_secs(5);
/// How much memory clients may take, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;
/// How many changes are listed: a node that missed more forgets all clients.
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

/// Notes, in the transaction of a change, that this client was changed.
pub(super) fn note(conn: &mut Conn, client_id: &str) -> Result<(), DbError> {
    let number: String = each!(conn, |c| fixed::<Number>(&[]).get_result(c)?);
    let number: i64 =
        number.parse().map_err(|error| DbError::Broken(format!("client_changes {number:?}: {error}")))?;
    each!(conn, |c| fixed::<Note>(&[Bind::Number(number), Bind::Text(client_id)]).execute(c)?);
    each!(conn, |c| fixed::<Forget>(&[Bind::Number(number - LISTED)]).execute(c)?);
    Ok(())
}

/// Clients, kept in memory; that one is absent is never kept.
#[derive(Clone)]
pub struct Clients {
    db: Db,
    kept: Cache<String, Kept>,
    seen: Arc<Mutex<Seen>>,
    looks: Arc<AtomicU64>,
}

/// A client, and about how much memory it takes.
#[derive(Clone)]
struct Kept {
    client: Arc<Client>,
    size: u32,
}

/// How much of the changes this node has seen.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// The last of them.
    seq: i64,
    /// When it looked; never at first, and then nothing is kept.
    at: Option<Instant>,
}

impl Seen {
    fn is_trusted(&self) -> bool {
        self.at.is_some_and(|at| at.elapsed() < TRUSTED)
    }
}

impl Clients {
    /// Opens the drawer.
    pub fn new(db: Db) -> Clients {
        let kept = Cache::builder().max_capacity(LARGEST).weigher(|_, kept: &Kept| kept.size).build();
        Clients { db, kept, seen: Arc::default(), looks: Arc::default() }
    }

    /// Finds an enabled client.
    pub async fn find(&self, id: &str) -> Result<Option<Arc<Client>>, DbError> {
        self.find_first(&[id]).await
    }

    /// Finds the first of these that is an enabled client; at most one statement.
    pub async fn find_first(&self, ids: &[&str]) -> Result<Option<Arc<Client>>, DbError> {
        let seen = *self.seen();
        let kept = |id: &&str| self.kept.get(*id).filter(|_| seen.is_trusted());
        let known = ids.iter().enumerate().find_map(|(at, id)| Some((at, kept(id)?)));
        let (earlier, known) = match known {
            Some((at, kept)) => (ids.get(..at).unwrap_or_default(), Some(kept.client)),
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

    /// Keeps a client that was read after the changes that were `seen` then.
    fn keep(&self, (client, size): (Client, usize), seen: Seen) -> Arc<Client> {
        let client = Arc::new(client);
        let now = self.seen();
        // What was read before a change that has been seen meanwhile must not be kept: no look would find it again.
        if seen.is_trusted() && now.seq == seen.seq {
            // Its members take some more than their text.
            let size = u32::try_from(1000 + 2 * size).unwrap_or(u32::MAX);
            self.kept.insert(client.id.clone(), Kept { client: Arc::clone(&client), size });
        }
        drop(now);
        client
    }

    /// Looks which clients were changed since the last look, and forgets them.
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
        // The change that was seen last is still listed, unless too many followed or the database is another one.
        match changes.split_first() {
            Some(((first, _), new)) if *first == from => {
                let last = new.last().map_or(from, |(seq, _)| *seq);
                self.saw(Seen { seq: last, at: Some(begun) }, Some(new));
            }
            _ => self.saw(Seen::default(), None),
        }
        Ok(())
    }

    /// How often this node has looked: one statement each.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// Notes what was seen, and forgets these clients, or all.
    fn saw(&self, now: Seen, changed: Option<&[(i64, String)]>) {
        let mut seen = self.seen();
        match changed {
            Some(changed) => changed.iter().for_each(|(_, id)| self.kept.invalidate(id)),
            None => self.kept.invalidate_all(),
        }
        *seen = now;
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
