//! Indexes in Redis: sorted sets, scored by the end of each member.

use std::sync::LazyLock;

use redis::Script;
use time::OffsetDateTime;

use super::{RedisKv, seconds};
use crate::state::StateError;
use crate::state::kv::{GARBAGE, Key};

/// The set itself expires after its last member.
static INDEX_ADD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', tonumber(ARGV[1])) \
         redis.call('ZADD', KEYS[1], tonumber(ARGV[2]), ARGV[3]) \
         local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES') \
         return redis.call('EXPIREAT', KEYS[1], tonumber(last[2]) + tonumber(ARGV[4]))",
    )
});

impl RedisKv {
    pub(in crate::state::kv) async fn index_add(
        &self,
        set: &Key,
        member: &str,
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StateError> {
        let args = [seconds(now), seconds(exp), member.as_bytes().to_vec(), GARBAGE.to_string().into_bytes()];
        let _: i64 = self.script(&INDEX_ADD, &[set], &args.each_ref().map(Vec::as_slice)).await?;
        Ok(())
    }

    pub(in crate::state::kv) async fn index_list(
        &self,
        set: &Key,
        now: OffsetDateTime,
    ) -> Result<Vec<String>, StateError> {
        let mut range = redis::cmd("ZRANGEBYSCORE");
        range.arg(set.as_str()).arg(format!("({}", now.unix_timestamp())).arg("+inf");
        let mut members: Vec<String> = self.read(&range).await?;
        members.sort();
        Ok(members)
    }
}
