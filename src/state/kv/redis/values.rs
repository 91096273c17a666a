//! Values in Redis: strings.

use std::sync::LazyLock;

use redis::Script;
use time::OffsetDateTime;

use super::{RedisKv, garbage, live, script, seconds, stored};
use crate::state::StateError;
use crate::state::kv::Key;

static PUT_NEW: LazyLock<Script> = LazyLock::new(|| {
    script("if live(ARGV[1]) then return 0 end redis.call('SET', KEYS[1], ARGV[2], 'EXAT', ARGV[3]) return 1")
});

static SWAP: LazyLock<Script> = LazyLock::new(|| {
    script(
        "if not live(ARGV[1]) or value ~= ARGV[2] then return 0 end \
         redis.call('SET', KEYS[1], ARGV[3], 'EXAT', ARGV[4]) return 1",
    )
});

static DEL_SAME: LazyLock<Script> = LazyLock::new(|| {
    script(
        "if not live(ARGV[1]) or value ~= ARGV[2] then return 0 end \
         return redis.call('DEL', KEYS[1])",
    )
});

impl RedisKv {
    pub(in crate::state::kv) async fn put(
        &self,
        key: &Key,
        value: &[u8],
        exp: OffsetDateTime,
    ) -> Result<(), StateError> {
        let mut set = redis::cmd("SET");
        set.arg(key.as_str()).arg(stored(exp, value)).arg("EXAT").arg(garbage(exp));
        self.write(&set).await
    }

    pub(in crate::state::kv) async fn put_new(
        &self,
        key: &Key,
        value: &[u8],
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        let args = [seconds(now), stored(exp, value), garbage(exp).into_bytes()];
        self.script(&PUT_NEW, &[key], &args.each_ref().map(Vec::as_slice)).await
    }

    pub(in crate::state::kv) async fn get(
        &self,
        key: &Key,
        now: OffsetDateTime,
    ) -> Result<Option<Vec<u8>>, StateError> {
        let get = async |mut link| match redis::cmd("GET").arg(key.as_str()).query_async(&mut link).await {
            Err(error) if error.code() == Some("WRONGTYPE") => Ok(Some(vec![])),
            found => found,
        };
        let Some(stored): Option<Vec<u8>> = self.ask(&self.measured.read, false, get).await? else {
            return Ok(None);
        };
        Ok(live(stored, now))
    }

    pub(in crate::state::kv) async fn swap(
        &self,
        key: &Key,
        old: &[u8],
        new: &[u8],
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        let args = [seconds(now), old.to_vec(), stored(exp, new), garbage(exp).into_bytes()];
        self.script(&SWAP, &[key], &args.each_ref().map(Vec::as_slice)).await
    }

    pub(in crate::state::kv) async fn del_same(
        &self,
        key: &Key,
        old: &[u8],
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        self.script(&DEL_SAME, &[key], &[&seconds(now), old]).await
    }

    pub(in crate::state::kv) async fn del(&self, key: &Key) -> Result<(), StateError> {
        self.write(redis::cmd("DEL").arg(key.as_str())).await
    }
}
