//! The last failures of each client, for its developer: their causes and counts. Failures are collected in memory and
//! written by a task of its own, so that a flood of bad requests is no flood of writes, and a failed request does not
//! wait. Room is shared among networks, because a client's name is public: requests of others under that name must not
//! displace the failures that its developer looks for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;

use super::StateError;
use super::kv::{Drawer, Key};
use super::mac::{Found, MacKv};
use super::recent_reports::RecentReports;
use crate::protocol::cause::Cause;
use crate::protocol::instant::age;

/// How long a failure is stored.
const KEPT: Duration = Duration::days(7);
/// Number of different failures stored for a client.
const MOST: usize = 50;
/// Number of these of one kind from one network, so that a flood of one kind does not displace the others.
const MOST_OF_A_KIND: usize = 10;
/// Number of clients whose failures may wait in memory, and thus of writes in one round.
const MOST_CLIENTS: usize = 32;
/// Number of these whose first failure is from one network.
const MOST_CLIENTS_OF_A_NETWORK: usize = 8;
/// Number of attempts to write a list that concurrent nodes write, too.
const TRIES: usize = 3;

/// The error code for a request that did not fail, but was granted less than it asked for.
pub const NARROWED: &str = "narrowed";

/// Equal failures of a client's requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The last time.
    #[serde(rename = "t", with = "time::serde::timestamp")]
    pub last: OffsetDateTime,
    /// The first time.
    #[serde(rename = "b", with = "time::serde::timestamp")]
    pub first: OffsetDateTime,
    /// Number of times.
    #[serde(rename = "n")]
    pub count: u64,
    /// The endpoint: the path below the issuer.
    #[serde(rename = "p")]
    pub endpoint: String,
    /// The answer: an error code of the standards, or [`NARROWED`].
    #[serde(rename = "e")]
    pub error: String,
    /// The cause.
    #[serde(rename = "c")]
    pub cause: Cause,
    /// The last request's identifier in the log.
    #[serde(rename = "i")]
    pub request_id: String,
    /// The network of the first request, as a keyed hash.
    #[serde(rename = "w")]
    pub network: String,
}

impl Failure {
    fn is_same(&self, other: &Failure) -> bool {
        self.is_of_a_kind(other) && self.cause == other.cause
    }

    fn is_of_a_kind(&self, other: &Failure) -> bool {
        (&self.endpoint, &self.error, &self.cause.what) == (&other.endpoint, &other.error, &other.cause.what)
    }
}

/// Failures that were noted and are lost.
#[derive(Debug, thiserror::Error)]
#[error("{crowded_out} found no room in memory, {unwritten} were not stored{}", because(.error.as_ref()))]
pub struct Lost {
    /// Number of failures that found no room in memory.
    pub crowded_out: u64,
    /// Number of failures that the state store did not take.
    pub unwritten: u64,
    /// Its last error.
    pub error: Option<StateError>,
}

fn because(error: Option<&StateError>) -> String {
    error.map(|error| format!(": {error}")).unwrap_or_default()
}

/// What waits to be written.
#[derive(Default)]
struct Noted {
    of_clients: BTreeMap<String, Vec<Failure>>,
    /// Number of failures that found no room.
    crowded_out: u64,
}

/// The drawer of failures.
#[derive(Clone)]
pub struct Failures {
    kv: MacKv,
    noted: Arc<Mutex<Noted>>,
    recent_reports: Arc<RecentReports>,
    wake: Arc<Notify>,
}

impl Failures {
    pub(super) fn new(kv: MacKv) -> Failures {
        Failures { kv, noted: Arc::default(), recent_reports: Arc::default(), wake: Arc::default() }
    }

    /// Notes a failure of a registered client. One that finds no room is counted.
    pub fn note(&self, client_id: &str, failure: Failure) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if !noted.of_clients.contains_key(client_id) && !has_room(&noted.of_clients, &failure.network) {
            noted.crowded_out += failure.count;
            return;
        }
        add(noted.of_clients.entry(client_id.to_owned()).or_default(), failure);
        self.wake.notify_one();
    }

    /// Notes that this node reports a cause for a registered client now; false if it did so within a day already. For
    /// causes that come with each sign-on, so that not each of them costs a log line and a write.
    pub fn note_report(&self, client_id: &str, cause: &Cause, now: OffsetDateTime) -> bool {
        self.recent_reports.note(client_id, &cause.to_string(), now)
    }

    /// Returns when something was noted.
    pub async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Writes the failures that were noted: one write for each client. If one fails, the others follow, unless the store
    /// cannot be reached, because each further attempt may take seconds.
    ///
    /// # Errors
    /// Failures are lost, with their number since the last call.
    pub async fn write_down(&self, now: OffsetDateTime) -> Result<(), Lost> {
        let noted = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        let mut lost = Lost { crowded_out: noted.crowded_out, unwritten: 0, error: None };
        for (client_id, new) in noted.of_clients {
            let count: u64 = new.iter().map(|failure| failure.count).sum();
            if !matches!(lost.error, Some(StateError::Unreachable(_))) {
                match self.append(&client_id, new, now).await {
                    Ok(()) => continue,
                    Err(error) => lost.error = Some(error),
                }
            }
            lost.unwritten += count;
        }
        if (lost.crowded_out, lost.unwritten) == (0, 0) { Ok(()) } else { Err(lost) }
    }

    async fn append(
        &self,
        client_id: &str,
        new: Vec<Failure>,
        now: OffsetDateTime,
    ) -> Result<(), StateError> {
        let key = key(client_id);
        for _ in 0..TRIES {
            let old = self.kv.find(&key, now).await?;
            let mut kept = old.as_ref().and_then(Found::value).map(|old| read(old, now)).unwrap_or_default();
            new.iter().rev().cloned().for_each(|failure| add(&mut kept, failure));
            let value = serde_json::to_vec(&kept).map_err(|error| StateError::Broken(error.to_string()))?;
            if self.kv.replace(&key, old.as_ref(), &value, now + KEPT, now).await? {
                return Ok(());
            }
        }
        Err(StateError::Contended)
    }

    /// The failures of a client within the last seven days, the newest first.
    pub async fn list(&self, client_id: &str, now: OffsetDateTime) -> Result<Vec<Failure>, StateError> {
        let stored = self.kv.get(&key(client_id), now).await?;
        Ok(stored.map(|stored| read(&stored, now)).unwrap_or_default())
    }
}

fn key(client_id: &str) -> Key {
    Key::new(Drawer::ClientFailures, client_id)
}

/// Parses a list. One that was written by a later version may not be readable, and counts as empty.
fn read(stored: &[u8], now: OffsetDateTime) -> Vec<Failure> {
    let mut kept: Vec<Failure> = serde_json::from_slice(stored).unwrap_or_default();
    // A failure with a time in the future, from a node whose clock is ahead, stays: it grants nothing, and the developer
    // needs it.
    kept.retain(|failure| age(failure.last, now).is_none_or(|age| age < KEPT));
    kept
}

/// Tells whether one more client may wait in memory, whose first failure is from this network.
fn has_room(noted: &BTreeMap<String, Vec<Failure>>, network: &str) -> bool {
    let brought_up = |failures: &&Vec<Failure>| failures.last().is_some_and(|first| first.network == network);
    noted.len() < MOST_CLIENTS && noted.values().filter(brought_up).count() < MOST_CLIENTS_OF_A_NETWORK
}

/// Adds a failure at the beginning. An equal one is counted with it, from any network. Where there is no room, the oldest
/// of the same network and kind is removed, or the oldest of the network that has the most.
fn add(kept: &mut Vec<Failure>, mut new: Failure) {
    let is_own_kind = |old: &Failure| old.network == new.network && old.is_of_a_kind(&new);
    if let Some(at) = kept.iter().position(|old| old.is_same(&new)) {
        let old = kept.remove(at);
        new.count += old.count;
        new.first = old.first.min(new.first);
        new.network = old.network;
    } else if kept.iter().filter(|old| is_own_kind(old)).count() >= MOST_OF_A_KIND
        && let Some(oldest) = kept.iter().rposition(is_own_kind)
    {
        kept.remove(oldest);
    } else if kept.len() >= MOST
        && let Some(oldest) = oldest_of_the_largest(kept, &new.network)
    {
        kept.remove(oldest);
    }
    kept.insert(0, new);
}

/// The position of the oldest failure of the network that has the most, with the new failure of `coming` counted.
fn oldest_of_the_largest(kept: &[Failure], coming: &str) -> Option<usize> {
    let of = |network: &str| {
        kept.iter().filter(|old| old.network == network).count() + usize::from(network == coming)
    };
    kept.iter().enumerate().max_by_key(|(_, old)| of(&old.network)).map(|(at, _)| at)
}
