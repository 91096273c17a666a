//! What an operator should know of a Redis server; looks and changes nothing.

use std::collections::HashMap;

use time::OffsetDateTime;

use super::StateError;
use super::kv_redis::RedisKv;

/// What was found.
pub struct Survey {
    /// Its version, as it tells it: a compatible server tells the version it is compatible with.
    pub version: String,
    /// What it does when its memory is full: `noeviction`, `allkeys-lru`, …
    pub policy: Option<String>,
    /// Whether what it holds survives its restart; `None` when it does not say.
    pub persists: Option<bool>,
    /// Whether it follows another server and takes no writes.
    pub is_replica: bool,
    /// What its clock says.
    pub now: OffsetDateTime,
}

impl RedisKv {
    /// Looks at the server.
    pub async fn survey(&self) -> Result<Survey, StateError> {
        let info: String = self.read(&redis::cmd("INFO")).await?;
        let info: HashMap<&str, &str> = info.lines().filter_map(|line| line.trim().split_once(':')).collect();
        let (seconds, _micros): (i64, i64) = self.read(&redis::cmd("TIME")).await?;
        let now = OffsetDateTime::from_unix_timestamp(seconds);
        // A managed server may keep its configuration to itself.
        let save = self.read(redis::cmd("CONFIG").arg("GET").arg("save")).await.ok();
        let saves = save.and_then(|found: HashMap<String, String>| Some(!found.get("save")?.is_empty()));
        let appends = info.get("aof_enabled") == Some(&"1");
        Ok(Survey {
            version: info.get("redis_version").copied().unwrap_or("unknown").to_owned(),
            policy: info.get("maxmemory_policy").map(|policy| (*policy).to_owned()),
            persists: if appends { Some(true) } else { saves },
            is_replica: info.get("role") == Some(&"slave"),
            now: now.map_err(|error| StateError::Broken(error.to_string()))?,
        })
    }
}
