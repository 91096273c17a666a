//! Events of sign-ins wait in memory, for a second at most, and are written in batches: a sign-in must not wait for the
//! writer. A power cut may lose them; all other losses are counted.

use std::collections::BTreeMap;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Turn, Notify};
use uuid::Uuid;

use super::unknown::{self, Unknown};
use super::{Event, last};
use crate::db::{Conn, Db, DbError, each};
use crate::protocol::event::{Name, Outcome};
use crate::store::schema::events;
use diesel::prelude::*;
use time::OffsetDateTime;

/// Number of events that may wait. It is reached only when the store does not answer, because each sign-in or failure costs
/// the hashing of a password.
const MOST: usize = 4096;
/// Number of events in one transaction, so that other transactions do not wait long for the writer.
const AT_ONCE: usize = 200;

/// An event that waits.
pub(super) struct Waiting {
    id: Uuid,
    at: OffsetDateTime,
    event: Event,
}

/// The events that wait.
#[derive(Default)]
struct Noted {
    events: Vec<Arc<Waiting>>,
    unknown: BTreeMap<Uuid, Unknown>,
}

impl Noted {
    fn len(&self) -> usize {
        self.events.len() + self.unknown.len()
    }
}

/// Events that wait to be written together.
pub struct Batch {
    db: Db,
    noted: Mutex<Noted>,
    wake: Notify,
    /// Held while a batch is written.
    turn: Turn<()>,
    waiting: AtomicU64,
    turned_away: AtomicU64,
    refused: AtomicU64,
    asked: AtomicU64,
}

/// Counts of events since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Events that wait, those that are being written included.
    pub waiting: u64,
    /// Events that were lost because too many waited.
    pub full: u64,
    /// Events that were lost because the store refused them, or did not answer before the process ended.
    pub refused: u64,
}

impl Tally {
    /// Events that were lost.
    pub fn lost(&self) -> u64 {
        self.full + self.refused
    }
}

impl Batch {
    /// An empty batch for this database.
    pub fn new(db: Db) -> Batch {
        Batch {
            db,
            noted: Mutex::default(),
            wake: Notify::new(),
            turn: Turn::new(()),
            waiting: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            asked: AtomicU64::new(0),
        }
    }

    /// Notes an event of this instant. Attempts with unknown names become one row for each network and minute.
    pub fn note(&self, event: Event, at: OffsetDateTime) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let row = (event.outcome == Outcome::UnknownName).then(|| unknown::row(&event, at));
        let is_new = row.is_none_or(|row| !noted.unknown.contains_key(&row));
        if is_new && noted.len() >= MOST {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            return;
        }
        match row {
            None => noted.events.push(Arc::new(Waiting { id: Uuid::now_v7(), at, event })),
            Some(row) => match noted.unknown.get_mut(&row) {
                Some(known) => known.add(&Unknown::new(event, at)),
                None => drop(noted.unknown.insert(row, Unknown::new(event, at))),
            },
        }
        self.waiting.fetch_add(u64::from(is_new), Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Returns when an event waits.
    pub async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Writes the events that wait. If the store does not answer, they wait on. A batch that the store refuses is written
    /// again event by event, so that a bad event does not lose the others.
    ///
    /// # Errors
    ///
    /// The store did not answer, or refused some events, which are then lost and counted.
    pub async fn write_down(&self, now: OffsetDateTime) -> Result<(), DbError> {
        let _turn = self.turn.lock().await;
        let noted = mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        let mut rest = noted.events.as_slice();
        let mut unknown = noted.unknown;
        let mut failed = Ok(());
        while !(rest.is_empty() && unknown.is_empty()) {
            let (some, later) = rest.split_at(rest.len().min(AT_ONCE));
            let names = if some.len() < AT_ONCE { mem::take(&mut unknown) } else { BTreeMap::new() };
            let Err(error) = self.write(some.to_vec(), names.clone(), now).await else {
                self.waiting.fetch_sub((some.len() + names.len()) as u64, Ordering::Relaxed);
                rest = later;
                continue;
            };
            let (tried, left) = match error {
                DbError::Unreachable { .. } => (0, names),
                _ => self.write_singly(some, names, now).await,
            };
            failed = Err(error);
            let is_away = tried < some.len() || !left.is_empty();
            rest = rest.get(tried..).unwrap_or_default();
            unknown.extend(left);
            if is_away {
                break;
            }
        }
        self.put_back(rest, unknown);
        failed
    }

    /// Writes each event by itself, and counts those that are refused. Answers the number of events that were tried, and
    /// the rows of unknown names that were not, because the store did not answer any more.
    async fn write_singly(
        &self,
        some: &[Arc<Waiting>],
        mut unknown: BTreeMap<Uuid, Unknown>,
        now: OffsetDateTime,
    ) -> (usize, BTreeMap<Uuid, Unknown>) {
        for (position, one) in some.iter().enumerate() {
            if !self.settled(&self.write(vec![Arc::clone(one)], BTreeMap::new(), now).await) {
                return (position, unknown);
            }
        }
        while let Some((row, tries)) = unknown.pop_first() {
            let one = BTreeMap::from([(row, tries.clone())]);
            if !self.settled(&self.write(vec![], one, now).await) {
                unknown.insert(row, tries);
                break;
            }
        }
        (some.len(), unknown)
    }

    /// Counts an event that was written or refused; false when the store did not answer.
    fn settled(&self, written: &Result<(), DbError>) -> bool {
        if matches!(written, Err(DbError::Unreachable { .. })) {
            return false;
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.refused.fetch_add(u64::from(written.is_err()), Ordering::Relaxed);
        true
    }

    async fn write(
        &self,
        mut waiting: Vec<Arc<Waiting>>,
        unknown: BTreeMap<Uuid, Unknown>,
        now: OffsetDateTime,
    ) -> Result<(), DbError> {
        // The same order on every node prevents deadlocks.
        waiting.sort_by(|a, b| a.event.subject.cmp(&b.event.subject));
        let asked = self.db.write(move |conn| {
            let mut asked = 2;
            for one in &waiting {
                asked += insert(conn, one)?;
            }
            for (row, unknown) in unknown {
                asked += unknown::merge(conn, row, unknown)?;
            }
            let began = waiting.iter().filter(|one| one.event.name == Name::SessionBegan);
            let began = began.filter_map(|one| Some((one.event.subject.as_deref()?, one)));
            // The last sign-in of each person.
            let last: BTreeMap<&str, _> = began.collect();
            for (person, one) in last {
                asked += last::signed_in(conn, person, one.event.client.as_deref(), one.at, now)?;
            }
            Ok(asked)
        });
        self.asked.fetch_add(asked.await?, Ordering::Relaxed);
        Ok(())
    }

    /// Puts events back. Events that came meanwhile were admitted already, so the limit is not checked here.
    fn put_back(&self, rest: &[Arc<Waiting>], unknown: BTreeMap<Uuid, Unknown>) {
        if rest.is_empty() && unknown.is_empty() {
            return;
        }
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.events.splice(0..0, rest.iter().cloned());
        for (row, mut unknown) in unknown {
            if let Some(meanwhile) = noted.unknown.remove(&row) {
                unknown.add(&meanwhile);
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            noted.unknown.insert(row, unknown);
        }
        self.wake.notify_one();
    }

    /// Writes the events that wait, for the last time. Events that cannot be written are lost and counted.
    ///
    /// # Errors
    ///
    /// Events were lost; [`Batch::tally`] has their number.
    pub async fn end(&self, now: OffsetDateTime) -> Result<(), DbError> {
        let done = self.write_down(now).await;
        let left = mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner)).len() as u64;
        self.waiting.fetch_sub(left, Ordering::Relaxed);
        self.refused.fetch_add(left, Ordering::Relaxed);
        done
    }

    /// The counts so far.
    pub fn tally(&self) -> Tally {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Tally { waiting: read(&self.waiting), full: read(&self.turned_away), refused: read(&self.refused) }
    }

    /// Number of statements for events so far, those that begin and end transactions included.
    pub fn statements(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Writes one event. Writing it again changes nothing, which a retry after a lost answer needs. Answers the number of
/// statements.
fn insert(conn: &mut Conn, one: &Waiting) -> Result<u64, DbError> {
    let (row, asked) = one.event.to_row(conn, one.id, one.at)?;
    each!(conn, |c| diesel::insert_into(events::table).values(row).on_conflict_do_nothing().execute(c)?);
    Ok(asked + 1)
}
