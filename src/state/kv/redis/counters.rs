//! Counters in Redis: strings like values, whose bytes are the count in decimal digits.

use std::sync::LazyLock;

use redis::Script;
use time::{Duration, OffsetDateTime};

use super::{RedisKv, script, seconds, split};
use crate::protocol::instant::AHEAD;
use crate::state::StateError;
use crate::state::kv::{GARBAGE, Hits, Key};

static HIT: LazyLock<Script> = LazyLock::new(|| {
    script(
        "local n, ends = 1, ARGV[2] \
         if live(ARGV[1]) and exp <= tonumber(ARGV[2]) + tonumber(ARGV[4]) and tonumber(value) then \
         n, ends = tonumber(value) + 1, string.sub(stored, 1, 12) end \
         redis.call('SET', KEYS[1], ends .. n, 'EXAT', tonumber(ends) + tonumber(ARGV[3])) \
         return {n, tonumber(ends)}",
    )
});

static UNHIT: LazyLock<Script> = LazyLock::new(|| {
    script(
        "if exp and string.sub(stored, 1, 12) == ARGV[1] then \
         local left = math.max((tonumber(value) or 0) - tonumber(ARGV[2]), 0) \
         redis.call('SET', KEYS[1], string.sub(stored, 1, 12) .. left, 'KEEPTTL') end \
         return 1",
    )
});

impl RedisKv {
    pub(in crate::state::kv) async fn hit(
        &self,
        key: &Key,
        window: Duration,
        now: OffsetDateTime,
    ) -> Result<Hits, StateError> {
        let (garbage, ahead) = (GARBAGE.to_string(), AHEAD.whole_seconds().to_string());
        let args = [seconds(now), seconds(now + window), garbage.into_bytes(), ahead.into_bytes()];
        let (count, resets): (u64, i64) =
            self.script(&HIT, &[key], &args.each_ref().map(Vec::as_slice)).await?;
        Hits::read(count, resets)
    }

    pub(in crate::state::kv) async fn unhit(
        &self,
        key: &Key,
        count: u64,
        resets: OffsetDateTime,
    ) -> Result<(), StateError> {
        let args = [seconds(resets), count.to_string().into_bytes()];
        let _: i64 = self.script(&UNHIT, &[key], &args.each_ref().map(Vec::as_slice)).await?;
        Ok(())
    }

    pub(in crate::state::kv) async fn hits(
        &self,
        key: &Key,
        now: OffsetDateTime,
    ) -> Result<Option<Hits>, StateError> {
        let stored: Option<Vec<u8>> = self.read(redis::cmd("GET").arg(key.as_str())).await?;
        counted(stored.as_deref(), now)
    }

    pub(in crate::state::kv) async fn take_hits(
        &self,
        key: &Key,
        now: OffsetDateTime,
    ) -> Result<Option<Hits>, StateError> {
        let stored: Option<Vec<u8>> = self.write(redis::cmd("GETDEL").arg(key.as_str())).await?;
        counted(stored.as_deref(), now)
    }
}

/// Parses a counter, unless its window is over. Bytes in another form, written by another program, count as none.
fn counted(stored: Option<&[u8]>, now: OffsetDateTime) -> Result<Option<Hits>, StateError> {
    let read = stored.and_then(split).filter(|(exp, _)| *exp > now.unix_timestamp());
    let read = read.and_then(|(exp, value)| Some((std::str::from_utf8(value).ok()?.parse().ok()?, exp)));
    read.map(|(count, resets)| Hits::read(count, resets)).transpose()
}
