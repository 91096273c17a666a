//! Whether this node can serve. Many may ask at once and often: they share one answer a second, and a
//! store that does not answer is asked by one question at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio::task::spawn_local;

use crate::db::{Db, DbError};
use crate::state::StateError;
use crate::state::kv::Kv;
use crate::store::facts;

pub mod proxies; // whether they tell where visitors come from

/// How long a store may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long an answer is good for.
const FRESH: Duration = Duration::from_secs(1);

/// What this node knows of its own health.
#[derive(Clone, Default)]
pub struct Health {
    stores: Arc<Inner>,
    /// Of the proxies in front of it.
    pub proxies: proxies::Proxies,
}

#[derive(Default)]
struct Inner {
    database: Arc<AtomicBool>,
    state: Arc<AtomicBool>,
    last: Mutex<Option<(Instant, Readiness)>>,
}

/// What the stores of a node can do at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The main database.
    pub database: Found,
    /// The state store.
    pub state: Found,
}

impl Readiness {
    /// Tells whether both can be used.
    pub fn is_ready(&self) -> bool {
        self.database == Found::Ok && self.state == Found::Ok
    }
}

/// What was found when a store was asked. No cause is told: anybody may ask, and causes name hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It answers and takes writes.
    Ok,
    /// It did not answer in time.
    Silent,
    /// It cannot be reached.
    Unreachable,
    /// It answers and takes no writes.
    ReadOnly,
    /// It refuses what was tried.
    Failing,
}

impl Found {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Found::Ok => "ok",
            Found::Silent => "no answer within 1 s",
            Found::Unreachable => "unreachable",
            Found::ReadOnly => "read-only",
            Found::Failing => "failing",
        }
    }
}

impl Health {
    /// Tries both, or answers what was found less than a second ago. Asking goes on when the asker goes away, so
    /// that many who come and go ask no more often than one who stays.
    pub async fn readiness(&self, db: &Db, kv: &Kv, now: OffsetDateTime) -> Readiness {
        let (health, db, kv) = (self.clone(), db.clone(), kv.clone());
        let asked = spawn_local(async move {
            let mut last = health.stores.last.lock().await;
            let before = last.map(|(_, found)| found);
            if let Some((_, found)) = last.filter(|(when, _)| when.elapsed() < FRESH) {
                return found;
            }
            let (database, state) = tokio::join!(
                asked(&health.stores.database, async move { database(&db).await }),
                asked(&health.stores.state, async move { state(&kv, now).await }),
            );
            let found = Readiness { database, state };
            if before.is_none_or(|before| before != found) {
                told(before, found);
            }
            *last = Some((Instant::now(), found));
            found
        });
        asked.await.unwrap_or(Readiness { database: Found::Failing, state: Found::Failing })
    }
}

/// Waits for an answer, but not for ever; while an earlier question waits, no other is put.
async fn asked(waiting: &Arc<AtomicBool>, question: impl Future<Output = Found> + 'static) -> Found {
    if waiting.swap(true, Ordering::AcqRel) {
        return Found::Silent;
    }
    let waiting = Waiting(Arc::clone(waiting));
    let answer = spawn_local(async move {
        let found = question.await;
        drop(waiting);
        found
    });
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(found)) => found,
        Ok(Err(_panicked)) => Found::Failing,
        Err(_elapsed) => Found::Silent,
    }
}

struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Has tried a write, which it takes back.
async fn database(db: &Db) -> Found {
    let tried = match db.takes_writes().await {
        Ok(true) => facts::try_writing(db).await,
        Ok(false) => return Found::ReadOnly,
        Err(error) => Err(error),
    };
    match tried {
        Ok(()) => Found::Ok,
        Err(error) => {
            tracing::debug!(%error, "the database is not ready");
            if matches!(error, DbError::Unreachable { .. }) { Found::Unreachable } else { Found::Failing }
        }
    }
}

async fn state(kv: &Kv, now: OffsetDateTime) -> Found {
    match kv.probe(now).await {
        Ok(()) => Found::Ok,
        Err(error) => {
            tracing::debug!(%error, "the state store is not ready");
            if matches!(error, StateError::Unreachable(_)) { Found::Unreachable } else { Found::Failing }
        }
    }
}

/// Once for each change, not for each probe.
fn told(before: Option<Readiness>, found: Readiness) {
    let (database, state) = (found.database.word(), found.state.word());
    if !found.is_ready() {
        tracing::warn!(database, state, "this node is not ready");
    } else if before.is_some() {
        tracing::info!("this node is ready again");
    }
}
