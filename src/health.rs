//! Readiness of this node. Probes may be frequent: they share one answer per second, and a store that does
//! not answer gets one probe at a time.

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

pub mod proxies; // trusted proxies that do not forward addresses

/// How long a store may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long an answer is reused.
const FRESH: Duration = Duration::from_secs(1);

/// The health of this node.
#[derive(Clone, Default)]
pub struct Health {
    stores: Arc<Inner>,
    /// The trusted proxies in front of it.
    pub proxies: proxies::Proxies,
}

#[derive(Default)]
struct Inner {
    database: Arc<AtomicBool>,
    state: Arc<AtomicBool>,
    last: Mutex<Option<(Instant, Readiness)>>,
}

/// The state of the two stores of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The main database.
    pub database: StoreHealth,
    /// The state store.
    pub state: StoreHealth,
}

impl Readiness {
    /// Tells whether both can be used.
    pub fn is_ready(&self) -> bool {
        self.database == StoreHealth::Ok && self.state == StoreHealth::Ok
    }
}

/// The result of probing a store. It carries no cause, because it is public, and causes name hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreHealth {
    /// It answers and takes writes.
    Ok,
    /// It did not answer in time.
    Silent,
    /// It cannot be reached.
    Unreachable,
    /// It answers and takes no writes.
    ReadOnly,
    /// It refuses the probe.
    Failing,
}

impl StoreHealth {
    /// The word for it in answers and in the log.
    pub fn word(self) -> &'static str {
        match self {
            StoreHealth::Ok => "ok",
            StoreHealth::Silent => "no answer within 1 s",
            StoreHealth::Unreachable => "unreachable",
            StoreHealth::ReadOnly => "read-only",
            StoreHealth::Failing => "failing",
        }
    }
}

impl Health {
    /// Probes both stores, or returns the result of less than a second ago. The probe goes on when its client
    /// disconnects, so that many clients that come and go cause no more probes than one that stays.
    pub async fn readiness(&self, db: &Db, kv: &Kv, now: OffsetDateTime) -> Readiness {
        let (health, db, kv) = (self.clone(), db.clone(), kv.clone());
        let probed = spawn_local(async move {
            let mut last = health.stores.last.lock().await;
            let before = last.map(|(_, found)| found);
            if let Some((_, found)) = last.filter(|(when, _)| when.elapsed() < FRESH) {
                return found;
            }
            let (database, state) = tokio::join!(
                probe(&health.stores.database, async move { database(&db).await }),
                probe(&health.stores.state, async move { state(&kv, now).await }),
            );
            let found = Readiness { database, state };
            if before.is_none_or(|before| before != found) {
                log_change(before, found);
            }
            *last = Some((Instant::now(), found));
            found
        });
        probed.await.unwrap_or(Readiness { database: StoreHealth::Failing, state: StoreHealth::Failing })
    }
}

/// Waits for the result, with a time limit; while an earlier probe runs, no other one starts.
async fn probe(running: &Arc<AtomicBool>, check: impl Future<Output = StoreHealth> + 'static) -> StoreHealth {
    if running.swap(true, Ordering::AcqRel) {
        return StoreHealth::Silent;
    }
    let probing = Probing(Arc::clone(running));
    let answer = spawn_local(async move {
        let found = check.await;
        drop(probing);
        found
    });
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(found)) => found,
        Ok(Err(_panicked)) => StoreHealth::Failing,
        Err(_elapsed) => StoreHealth::Silent,
    }
}

struct Probing(Arc<AtomicBool>);

impl Drop for Probing {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Tries a write and rolls it back.
async fn database(db: &Db) -> StoreHealth {
    let tried = match db.takes_writes().await {
        Ok(true) => facts::try_writing(db).await,
        Ok(false) => return StoreHealth::ReadOnly,
        Err(error) => Err(error),
    };
    match tried {
        Ok(()) => StoreHealth::Ok,
        Err(error) => {
            tracing::debug!(%error, "the database is not ready");
            if matches!(error, DbError::Unreachable { .. }) {
                StoreHealth::Unreachable
            } else {
                StoreHealth::Failing
            }
        }
    }
}

async fn state(kv: &Kv, now: OffsetDateTime) -> StoreHealth {
    match kv.probe(now).await {
        Ok(()) => StoreHealth::Ok,
        Err(error) => {
            tracing::debug!(%error, "the state store is not ready");
            if matches!(error, StateError::Unreachable(_)) {
                StoreHealth::Unreachable
            } else {
                StoreHealth::Failing
            }
        }
    }
}

/// Logs each change of readiness once, not each probe.
fn log_change(before: Option<Readiness>, found: Readiness) {
    let (database, state) = (found.database.word(), found.state.word());
    if !found.is_ready() {
        tracing::warn!(database, state, "this node is not ready");
    } else if before.is_some() {
        tracing::info!("this node is ready again");
    }
}
