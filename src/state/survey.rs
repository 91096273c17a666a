//! Checks of a state store, for operators: its settings, and whether it accepts the commands that requests need.

use std::collections::HashMap;

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::{Drawer, Key, Kv, RedisKv};
use crate::secret::{base64url, random};

/// End of a probe's value, for probes that fail before they delete it.
const PROBED: Duration = Duration::minutes(1);

/// The settings of a Redis server, by its own account. A managed server may withhold some.
pub struct Survey {
    /// Its version; a compatible server names the version that it is compatible with.
    pub version: Option<String>,
    /// Its policy when memory is full: `noeviction`, `allkeys-lru`, …
    pub policy: Option<String>,
    /// Whether its values survive a restart.
    pub persists: Option<bool>,
    /// Whether it is a replica, which takes no writes.
    pub is_replica: bool,
    /// The time of its clock.
    pub now: Option<OffsetDateTime>,
}

impl RedisKv {
    /// Asks the server. A refused question is no error; an unreachable server is.
    pub async fn survey(&self) -> Result<Survey, StateError> {
        let info: Option<String> = unless_refused(self.read(&redis::cmd("INFO")).await)?;
        let info = info.unwrap_or_default();
        let info: HashMap<&str, &str> = info.lines().filter_map(|line| line.trim().split_once(':')).collect();
        let time: Option<(i64, i64)> = unless_refused(self.read(&redis::cmd("TIME")).await)?;
        let save = unless_refused(self.read(redis::cmd("CONFIG").arg("GET").arg("save")).await)?;
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
fn unless_refused<T>(answer: Result<T, StateError>) -> Result<Option<T>, StateError> {
    match answer {
        Err(StateError::Broken(why)) => {
            tracing::debug!(why, "the state store does not tell");
            Ok(None)
        }
        answer => answer.map(Some),
    }
}

impl Kv {
    /// Tries the commands that requests need, under a key of its own: a write, a read and a delete in one atomic step (in
    /// Redis, a script), and a delete. Fails with the command that failed.
    pub async fn probe(&self, now: OffsetDateTime) -> Result<(), StateError> {
        let key = Key::new(Drawer::Probe, &base64url(&random::<12>()));
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
