//! The last failures of each client, for its developer: how they came about, and how often. A failure is
//! noted in memory and written down by a task of its own, so that a flood of bad requests is no flood of
//! writes, and the request that failed waits for nothing. Places are shared out among networks, because
//! the name of a client is public: a stranger who uses it must not push out what its developer looks for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;

use super::StateError;
use super::kv::Key;
use super::mac::{Found, MacKv};
use super::told::Told;
use crate::protocol::cause::Cause;
use crate::protocol::instant::age;

/// How long a failure is kept.
const KEPT: Duration = Duration::days(7);
/// How many different ones are kept of a client.
const MOST: usize = 50;
/// How many of these one network may have of one kind: a flood of one kind does not push out the others.
const MOST_OF_A_KIND: usize = 10;
/// How many clients may wait for their failures to be written down, and so how many writes one round makes.
const MOST_CLIENTS: usize = 32;
/// How many of those one network may bring up.
const MOST_CLIENTS_OF_A_NETWORK: usize = 8;
/// How often others may come between before it is left for the next round.
const TRIES: usize = 3;

/// Stands for the error code where nothing failed, but less was granted than was asked for.
pub const NARROWED: &str = "narrowed";

/// One way in which requests of a client failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When it happened last.
    #[serde(rename = "t", with = "time::serde::timestamp")]
    pub last: OffsetDateTime,
    /// When it happened first.
    #[serde(rename = "b", with = "time::serde::timestamp")]
    pub first: OffsetDateTime,
    /// How often.
    #[serde(rename = "n")]
    pub count: u64,
    /// Where: the path below the issuer.
    #[serde(rename = "p")]
    pub endpoint: String,
    /// What was answered: an error code of the standards, or [`NARROWED`].
    #[serde(rename = "e")]
    pub error: String,
    /// Why.
    #[serde(rename = "c")]
    pub cause: Cause,
    /// The last request, as the log names it.
    #[serde(rename = "i")]
    pub request_id: String,
    /// The network the first request came from, as a keyed hash.
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

/// The drawer of failures.
#[derive(Clone)]
pub struct Failures {
    kv: MacKv,
    noted: Arc<Mutex<BTreeMap<String, Vec<Failure>>>>,
    told: Arc<Told>,
    wake: Arc<Notify>,
}

impl Failures {
    pub(super) fn new(kv: MacKv) -> Failures {
        Failures { kv, noted: Arc::default(), told: Arc::default(), wake: Arc::default() }
    }

    /// Notes a failure of a registered client.
    pub fn note(&self, client_id: &str, failure: Failure) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if !noted.contains_key(client_id) && !has_room(&noted, &failure.network) {
            return;
        }
        add(noted.entry(client_id.to_owned()).or_default(), failure);
        self.wake.notify_one();
    }

    /// Tells whether this node has something to say of a registered client that it did not say for a day. For
    /// what comes with each sign-on, so that not each one costs a line and a write.
    pub fn is_news(&self, client_id: &str, cause: &Cause, now: OffsetDateTime) -> bool {
        self.told.is_news(client_id, &cause.to_string(), now)
    }

    /// Returns when something was noted.
    pub async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Writes down what was noted: one write for each client.
    pub async fn write_down(&self, now: OffsetDateTime) -> Result<(), StateError> {
        let noted = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        for (client_id, new) in noted {
            self.append(&client_id, new, now).await?;
        }
        Ok(())
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
    Key::new('f', client_id)
}

/// What cannot be read was written by a version that knew more, and is left out.
fn read(stored: &[u8], now: OffsetDateTime) -> Vec<Failure> {
    let mut kept: Vec<Failure> = serde_json::from_slice(stored).unwrap_or_default();
    // One that is dated in the future, by a node whose clock is ahead, is shown: it grants nothing, and its
    // developer would miss it.
    kept.retain(|failure| age(failure.last, now).is_none_or(|age| age < KEPT));
    kept
}

/// Tells whether one more client may wait, whose first failure is of this network.
fn has_room(noted: &BTreeMap<String, Vec<Failure>>, network: &str) -> bool {
    let brought_up = |failures: &&Vec<Failure>| failures.last().is_some_and(|first| first.network == network);
    noted.len() < MOST_CLIENTS && noted.values().filter(brought_up).count() < MOST_CLIENTS_OF_A_NETWORK
}

/// Puts a failure first. The same one as before is counted, from whatever network it comes; else, where there is
/// no room, the oldest of the network's own kind gives way, or the oldest of the network that has the most.
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

/// Where the oldest failure is of the network that has the most, the one that `coming` is about to add included.
fn oldest_of_the_largest(kept: &[Failure], coming: &str) -> Option<usize> {
    let of = |network: &str| {
        kept.iter().filter(|old| old.network == network).count() + usize::from(network == coming)
    };
    kept.iter().enumerate().max_by_key(|(_, old)| of(&old.network)).map(|(at, _)| at)
}
