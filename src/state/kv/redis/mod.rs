//! The state store in Redis. A value is stored as 12 digits of its end and its bytes, so that every verb is one atomic
//! step that compares the end with the caller's clock. Native expiry follows an hour later.

mod amounts; // budgets
mod counters; // hits within a window
mod index; // sets of names
mod link; // connections to the server
mod once; // values that are spent once
mod values; // values with an end

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use redis::aio::ConnectionManager;
use redis::{FromRedisValue, RedisResult, Script, ToRedisArgs};
use time::OffsetDateTime;

use super::{GARBAGE, Key};
use crate::db::metrics::{Ended, OperationMetrics, StoreMetrics};
use crate::state::StateError;

use link::Link;
pub use link::passes;

/// A state store in Redis.
#[derive(Clone)]
pub struct RedisKv {
    link: Arc<Link>,
    measured: StoreMetrics,
    asked: Arc<AtomicU64>,
}

/// The beginning of every script: reads the first key. A key of another type, written by another program, has no value.
const READ: &str = r"
local stored = redis.pcall('GET', KEYS[1])
if type(stored) == 'table' and not string.find(stored.err, 'WRONGTYPE') then return stored end
";
/// The second part of scripts: splits a stored value, and defines `live`, which tells whether its end has not come. Bytes
/// in another form count as no value.
const SPLIT: &str = r"
local exp, value
if type(stored) == 'string' then exp, value = tonumber(string.sub(stored, 1, 12)), string.sub(stored, 13) end
local function live(now) return exp and exp > tonumber(now) end
";

/// A script that begins with [`READ`] and [`SPLIT`].
fn script(body: &str) -> Script {
    Script::new(&format!("{READ}{SPLIT}{body}"))
}

impl RedisKv {
    pub(in crate::state::kv) fn connect(url: &str, roots: Option<Vec<u8>>) -> Result<RedisKv, StateError> {
        let link = Arc::new(Link::new(url, roots)?);
        Ok(RedisKv { link, measured: StoreMetrics::default(), asked: Arc::default() })
    }

    pub(in crate::state::kv) fn measured(self, measured: StoreMetrics) -> RedisKv {
        RedisKv { measured, ..self }
    }

    pub(in crate::state::kv) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    pub(in crate::state) async fn read<T: FromRedisValue>(
        &self,
        command: &redis::Cmd,
    ) -> Result<T, StateError> {
        self.ask(&self.measured.read, false, async |mut link| command.query_async(&mut link).await).await
    }

    async fn write<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, StateError> {
        self.ask(&self.measured.write, true, async |mut link| command.query_async(&mut link).await).await
    }

    async fn script<T: FromRedisValue>(
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
}

fn seconds(instant: OffsetDateTime) -> Vec<u8> {
    format!("{:012}", instant.unix_timestamp()).into_bytes()
}

/// The value, unless its end has come. Bytes in another form are handed on unchanged, to be refused for their MAC.
fn live(stored: Vec<u8>, now: OffsetDateTime) -> Option<Vec<u8>> {
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
