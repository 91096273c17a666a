//! What an operator should know of a state store: what it says of itself, and whether it does what is asked of it.

use std::collections::HashMap;

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::{Key, Kv, RedisKv};
use crate::secret::{base64url, random};

/// How long what a probe wrote may lie when the probe could not delete it.
const PROBED: Duration = Duration::minutes(1);

/// What a Redis server says of itself. A managed one may keep some of it back.
pub struct Survey {
    /// Its version: a compatible server tells the version it is compatible with.
    pub version: Option<String>,
    /// What it does when its memory is full: `noeviction`, `allkeys-lru`, …
    pub policy: Option<String>,
    /// Whether what it holds survives its restart.
    pub persists: Option<bool>,
    /// Whether it follows another server and takes no writes.
    pub is_replica: bool,
    /// What its clock says.
    pub now: Option<OffsetDateTime>,
}

impl RedisKv {
    /// Asks the server. What it does not tell is no fault; that it cannot be reached is.
    pub async fn survey(&self) -> Result<Survey, StateError> {
        let info: Option<String> = told(self.read(&redis::cmd("INFO")).await)?;
        let info = info.unwrap_or_default();
        let info: HashMap<&str, &str> = info.lines().filter_map(|line| line.trim().split_once(':')).collect();
        let time: Option<(i64, i64)> = told(self.read(&redis::cmd("TIME")).await)?;
        let save = told(self.read(redis::cmd("CONFIG").arg("GET").arg("save")).await)?;
        let saves = save.and_then(|found: HashMap<String, String>| Some(!found.get("save")?.is_empty()));
        let appends = info.get("aof_enabled") == Some(&"1");
        Ok(Survey {
            version: info.get("redis_version").map(|version| (*version).to_owned()),
            policy: info.get("maxmemory_policy").map(|policy| (*policy).to_owned()),
            persists: if appends { Some(true) } else { saves },
            is_replica: info.get("role") == Some(&"slave"),
            now: time.and_then(|(seconds, _micros)| OffsetDateTime::from_unix_timestamp(seconds).ok()),
        })
    }
}

/// An answer, or none where the server refuses one.
fn told<T>(answer: Result<T, StateError>) -> Result<Option<T>, StateError> {
    match answer {
        Err(StateError::Broken(why)) => {
            tracing::debug!(why, "the state store does not tell");
            Ok(None)
        }
        answer => answer.map(Some),
    }
}

impl Kv {
    /// Tries what every request needs, under a key of its own: a write, a read and a delete in one atomic step (in
    /// Redis, a script), and a delete. Answers what failed.
    pub async fn probe(&self, now: OffsetDateTime) -> Result<(), StateError> {
        let key = Key::new('h', &base64url(&random::<12>()));
        let value = b"probe";
        self.put(&key, value, now + PROBED).await.map_err(|error| while_trying("write", error))?;
        let kept = self.del_same(&key, value, now).await;
        let kept = kept.map_err(|error| while_trying("run a script", error))?;
        self.del(&key).await.map_err(|error| while_trying("delete", error))?;
        if kept { Ok(()) } else { Err(StateError::Broken("what was written was gone at once".into())) }
    }
}

fn while_trying(what: &str, error: StateError) -> StateError {
    match error {
        StateError::Broken(why) => StateError::Broken(format!("it does not let this account {what}: {why}")),
        error => error,
    }
}
