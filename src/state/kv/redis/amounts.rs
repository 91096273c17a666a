//! Budgets in Redis: a hash for each, whose fields are the seconds at which held amounts end.

use std::sync::LazyLock;

use redis::Script;
use time::OffsetDateTime;

use super::RedisKv;
use crate::state::StateError;
use crate::state::kv::{GARBAGE, Hold, Key, LATER};

/// Adds an amount if there is room; otherwise answers the amounts that are held and their ends.
static HOLD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local now, amount, most, ends = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]) \
         local all, sum, last, held = redis.call('HGETALL', KEYS[1]), 0, ends, {} \
         for i = 1, #all, 2 do \
           local at, n = tonumber(all[i]), tonumber(all[i + 1]) \
           if at <= now then redis.call('HDEL', KEYS[1], all[i]) \
           elseif at <= ends + tonumber(ARGV[6]) then \
             sum, last = sum + n, math.max(last, at) \
             held[#held + 1] = {at, n} \
           end \
         end \
         if sum + amount > most then return {0, held} end \
         redis.call('HINCRBY', KEYS[1], ARGV[4], ARGV[2]) \
         redis.call('EXPIREAT', KEYS[1], last + tonumber(ARGV[5])) \
         return {1, {}}",
    )
});

static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local held = tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or '0') \
         if held > tonumber(ARGV[1]) then return redis.call('HINCRBY', KEYS[1], ARGV[2], '-' .. ARGV[1]) end \
         return redis.call('HDEL', KEYS[1], ARGV[2])",
    )
});

impl RedisKv {
    pub(in crate::state::kv) async fn hold(
        &self,
        key: &Key,
        amount: u64,
        most: u64,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Hold, StateError> {
        let (now, until) = (now.unix_timestamp().to_string(), until.unix_timestamp().to_string());
        let (amount_text, most_text) = (amount.to_string(), most.to_string());
        let (garbage, later) = (GARBAGE.to_string(), LATER.to_string());
        let args = [&now, &amount_text, &most_text, &until, &garbage, &later];
        let (is_held, held): (bool, Vec<(i64, u64)>) =
            self.script(&HOLD, &[key], &args.map(String::as_bytes)).await?;
        if is_held { Ok(Hold::Held) } else { Hold::full(held, amount, most) }
    }

    pub(in crate::state::kv) async fn release(
        &self,
        key: &Key,
        amount: u64,
        until: OffsetDateTime,
    ) -> Result<(), StateError> {
        let (amount, until) = (amount.to_string(), until.unix_timestamp().to_string());
        let _: i64 = self.script(&RELEASE, &[key], &[amount.as_bytes(), until.as_bytes()]).await?;
        Ok(())
    }
}
