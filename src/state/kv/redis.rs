//! The state store in Redis. A value is stored as 12 digits of its end and its bytes, so that every verb is
//! one atomic step that believes the caller's clock. Native expiry comes an hour later.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use redis::aio::ConnectionManager;
use redis::{FromRedisValue, RedisResult, Script, ToRedisArgs};
use time::{Duration, OffsetDateTime};

use super::link::Link;
use super::{Hits, Key, once};
use crate::db::metrics::{Ended, OperationMetrics, StoreMetrics};
use crate::protocol::instant::AHEAD;
use crate::state::StateError;

/// How long after a value's end Redis may collect it.
pub(super) const GARBAGE: i64 = 3600;
/// A Redis server.
#[derive(Clone)]
pub struct RedisKv {
    link: Arc<Link>,
    pub(super) scripts: Arc<Scripts>,
    measured: StoreMetrics,
    asked: Arc<AtomicU64>,
}

pub(super) struct Scripts {
    put_new: Script,
    pub(super) spend: Script,
    swap: Script,
    del_same: Script,
    hit: Script,
    unhit: Script,
    index_add: Script,
}

/// Splits a stored value; `live` also asks that its time is not over. What another program put in its place, in a form
/// that is not ours, counts as nothing.
const PRELUDE: &str = r"
local stored = redis.pcall('GET', KEYS[1])
if type(stored) == 'table' and not string.find(stored.err, 'WRONGTYPE') then return stored end
local exp, value
if type(stored) == 'string' then exp, value = tonumber(string.sub(stored, 1, 12)), string.sub(stored, 13) end
local function live(now) return exp and exp > tonumber(now) end
";

impl RedisKv {
    pub(super) fn connect(url: &str, roots: Option<Vec<u8>>) -> Result<RedisKv, StateError> {
        let link = Arc::new(Link::new(url, roots)?);
        let script = |body: &str| Script::new(&format!("{PRELUDE}{body}"));
        let scripts = Scripts {
            put_new: script(
                "if live(ARGV[1]) then return 0 end redis.call('SET', KEYS[1], ARGV[2], 'EXAT', ARGV[3]) return 1",
            ),
            spend: Script::new(once::SPEND),
            swap: script(
                "if not live(ARGV[1]) or value ~= ARGV[2] then return 0 end \
                 redis.call('SET', KEYS[1], ARGV[3], 'EXAT', ARGV[4]) return 1",
            ),
            del_same: script(
                "if not live(ARGV[1]) or value ~= ARGV[2] then return 0 end \
                 return redis.call('DEL', KEYS[1])",
            ),
            hit: script(
                "local n, ends = 1, ARGV[2] \
                 if live(ARGV[1]) and exp <= tonumber(ARGV[2]) + tonumber(ARGV[4]) and tonumber(value) then \
                 n, ends = tonumber(value) + 1, string.sub(stored, 1, 12) end \
                 redis.call('SET', KEYS[1], ends .. n, 'EXAT', tonumber(ends) + tonumber(ARGV[3])) \
                 return {n, tonumber(ends)}",
            ),
            unhit: script(
                "if exp and string.sub(stored, 1, 12) == ARGV[1] then \
                 local left = math.max((tonumber(value) or 0) - tonumber(ARGV[2]), 0) \
                 redis.call('SET', KEYS[1], string.sub(stored, 1, 12) .. left, 'KEEPTTL') end \
                 return 1",
            ),
            // The set itself lives as long as its last member.
            index_add: Script::new(
                "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', tonumber(ARGV[1])) \
                 redis.call('ZADD', KEYS[1], tonumber(ARGV[2]), ARGV[3]) \
                 local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES') \
                 return redis.call('EXPIREAT', KEYS[1], tonumber(last[2]) + tonumber(ARGV[4]))",
            ),
        };
        Ok(RedisKv {
            link,
            scripts: Arc::new(scripts),
            measured: StoreMetrics::default(),
            asked: Arc::default(),
        })
    }

    pub(super) fn measured(self, measured: StoreMetrics) -> RedisKv {
        RedisKv { measured, ..self }
    }

    pub(super) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    pub(in crate::state) async fn read<T: FromRedisValue>(
        &self,
        command: &redis::Cmd,
    ) -> Result<T, StateError> {
        self.ask(&self.measured.read, false, async |mut link| command.query_async(&mut link).await).await
    }

    pub(super) async fn write<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, StateError> {
        self.ask(&self.measured.write, true, async |mut link| command.query_async(&mut link).await).await
    }

    pub(super) async fn script<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[&Key],
        args: &[&[u8]],
    ) -> Result<T, StateError> {
        let mut call = script.prepare_invoke();
        for key in keys {
            call.key(key.as_str());
        }
        for arg in args {
            call.arg(Bytes(arg));
        }
        self.ask(&self.measured.write, true, async |mut link| call.invoke_async(&mut link).await).await
    }

    async fn ask<T>(
        &self,
        operation: &OperationMetrics,
        changes: bool,
        ask: impl AsyncFn(ConnectionManager) -> RedisResult<T>,
    ) -> Result<T, StateError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        let answer = self.link.ask(changes, ask).await;
        operation.ended(
            begun,
            match answer {
                Ok(_) => Ended::Done,
                Err(StateError::Unreachable(_)) => Ended::Unreachable,
                Err(_) => Ended::Failed,
            },
        );
        answer
    }

    pub(super) async fn put(&self, key: &Key, value: &[u8], exp: OffsetDateTime) -> Result<(), StateError> {
        let mut set = redis::cmd("SET");
        set.arg(key.as_str()).arg(stored(exp, value)).arg("EXAT").arg(garbage(exp));
        self.write(&set).await
    }

    pub(super) async fn put_new(
        &self,
        key: &Key,
        value: &[u8],
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        let args = [seconds(now), stored(exp, value), garbage(exp).into_bytes()];
        self.script(&self.scripts.put_new, &[key], &args.each_ref().map(Vec::as_slice)).await
    }

    pub(super) async fn get(&self, key: &Key, now: OffsetDateTime) -> Result<Option<Vec<u8>>, StateError> {
        let get = async |mut link| match redis::cmd("GET").arg(key.as_str()).query_async(&mut link).await {
            Err(error) if error.code() == Some("WRONGTYPE") => Ok(Some(vec![])),
            found => found,
        };
        let Some(stored): Option<Vec<u8>> = self.ask(&self.measured.read, false, get).await? else {
            return Ok(None);
        };
        Ok(live(stored, now))
    }

    pub(super) async fn swap(
        &self,
        key: &Key,
        old: &[u8],
        new: &[u8],
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        let args = [seconds(now), old.to_vec(), stored(exp, new), garbage(exp).into_bytes()];
        self.script(&self.scripts.swap, &[key], &args.each_ref().map(Vec::as_slice)).await
    }

    pub(super) async fn del_same(
        &self,
        key: &Key,
        old: &[u8],
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        self.script(&self.scripts.del_same, &[key], &[&seconds(now), old]).await
    }

    pub(super) async fn hit(
        &self,
        key: &Key,
        window: Duration,
        now: OffsetDateTime,
    ) -> Result<Hits, StateError> {
        let (garbage, ahead) = (GARBAGE.to_string(), AHEAD.whole_seconds().to_string());
        let args = [seconds(now), seconds(now + window), garbage.into_bytes(), ahead.into_bytes()];
        let (count, resets): (u64, i64) =
            self.script(&self.scripts.hit, &[key], &args.each_ref().map(Vec::as_slice)).await?;
        Hits::read(count, resets)
    }

    pub(super) async fn unhit(
        &self,
        key: &Key,
        count: u64,
        resets: OffsetDateTime,
    ) -> Result<(), StateError> {
        let args = [seconds(resets), count.to_string().into_bytes()];
        let _: i64 = self.script(&self.scripts.unhit, &[key], &args.each_ref().map(Vec::as_slice)).await?;
        Ok(())
    }

    pub(super) async fn hits(&self, key: &Key, now: OffsetDateTime) -> Result<Option<Hits>, StateError> {
        let stored: Option<Vec<u8>> = self.read(redis::cmd("GET").arg(key.as_str())).await?;
        counted(stored.as_deref(), now)
    }

    pub(super) async fn take_hits(&self, key: &Key, now: OffsetDateTime) -> Result<Option<Hits>, StateError> {
        let stored: Option<Vec<u8>> = self.write(redis::cmd("GETDEL").arg(key.as_str())).await?;
        counted(stored.as_deref(), now)
    }

    pub(super) async fn del(&self, key: &Key) -> Result<(), StateError> {
        self.write(redis::cmd("DEL").arg(key.as_str())).await
    }

    pub(super) async fn index_add(
        &self,
        set: &Key,
        member: &str,
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StateError> {
        let args = [seconds(now), seconds(exp), member.as_bytes().to_vec(), GARBAGE.to_string().into_bytes()];
        let _: i64 =
            self.script(&self.scripts.index_add, &[set], &args.each_ref().map(Vec::as_slice)).await?;
        Ok(())
    }

    pub(super) async fn index_list(&self, set: &Key, now: OffsetDateTime) -> Result<Vec<String>, StateError> {
        let mut range = redis::cmd("ZRANGEBYSCORE");
        range.arg(set.as_str()).arg(format!("({}", now.unix_timestamp())).arg("+inf");
        let mut members: Vec<String> = self.read(&range).await?;
        members.sort();
        Ok(members)
    }
}

/// Reads a counter, unless its window is over. What another program put in its place has counted nothing.
fn counted(stored: Option<&[u8]>, now: OffsetDateTime) -> Result<Option<Hits>, StateError> {
    let read = stored.and_then(split).filter(|(exp, _)| *exp > now.unix_timestamp());
    let read = read.and_then(|(exp, value)| Some((std::str::from_utf8(value).ok()?.parse().ok()?, exp)));
    read.map(|(count, resets)| Hits::read(count, resets)).transpose()
}

pub(super) fn seconds(instant: OffsetDateTime) -> Vec<u8> {
    format!("{:012}", instant.unix_timestamp()).into_bytes()
}

/// The value, unless its time is over. Bytes in a form that is not ours are handed on as they are, to be refused for
/// their MAC.
pub(super) fn live(stored: Vec<u8>, now: OffsetDateTime) -> Option<Vec<u8>> {
    let Some((exp, value)) = split(&stored) else { return Some(stored) };
    (exp > now.unix_timestamp()).then(|| value.to_vec())
}

/// A value's end and its bytes.
fn split(stored: &[u8]) -> Option<(i64, &[u8])> {
    let (exp, value) = stored.split_at_checked(12)?;
    Some((std::str::from_utf8(exp).ok()?.parse().ok()?, value))
}

fn garbage(exp: OffsetDateTime) -> String {
    (exp.unix_timestamp() + GARBAGE).to_string()
}

fn stored(exp: OffsetDateTime, value: &[u8]) -> Vec<u8> {
    [&seconds(exp), value].concat()
}

/// One argument of raw bytes.
struct Bytes<'a>(&'a [u8]);

impl ToRedisArgs for Bytes<'_> {
    fn write_redis_args<W: ?Sized + redis::RedisWrite>(&self, out: &mut W) {
        out.write_arg(self.0);
    }
}
