//! Values that are spent once, in Redis: one string with both parts.

use std::sync::LazyLock;

use redis::Script;
use time::{Duration, OffsetDateTime};

use super::{READ, RedisKv, live, seconds};
use crate::state::StateError;
use crate::state::kv::once::OnceKey;
use crate::state::kv::{Key, Pair, Spend};

/// How long Redis keeps a value after its end: the clocks of nodes may differ by some seconds.
const LEEWAY: Duration = Duration::minutes(1);

/// A value is stored as `0`, 12 digits of its end, 3 digits of the later part's length, that part, and the whole. A spent
/// value is `1` and the later part. The values beside it are those of the other keys.
static SPEND: LazyLock<Script> = LazyLock::new(|| Script::new(&format!("{READ}{SPEND_BODY}")));

const SPEND_BODY: &str = r"
if type(stored) ~= 'string' then return {} end
if string.sub(stored, 1, 1) == '1' then return {'1', string.sub(stored, 2)} end
local exp, length = tonumber(string.sub(stored, 2, 13)), tonumber(string.sub(stored, 14, 16))
if not exp or not length or exp <= tonumber(ARGV[1]) then return {} end
redis.call('SET', KEYS[1], '1' .. string.sub(stored, 17, 16 + length), 'KEEPTTL')
local beside = redis.call('MGET', KEYS[2], KEYS[3])
return {'0', string.sub(stored, 17 + length), beside[1], beside[2]}
";

impl RedisKv {
    pub(in crate::state::kv) async fn issue(
        &self,
        key: &OnceKey,
        whole: &[u8],
        later: &[u8],
        exp: OffsetDateTime,
    ) -> Result<(), StateError> {
        let length = format!("{:03}", later.len());
        let stored = [b"0", seconds(exp).as_slice(), length.as_bytes(), later, whole].concat();
        let mut set = redis::cmd("SET");
        set.arg(key.text().as_str()).arg(stored).arg("EXAT");
        self.write(set.arg(i64::from(key.until.seconds()) + LEEWAY.whole_seconds())).await
    }

    pub(in crate::state::kv) async fn spend(
        &self,
        key: &OnceKey,
        [first, second]: [&Key; 2],
        now: OffsetDateTime,
    ) -> Result<(Spend, Pair), StateError> {
        let keys = [&key.text(), first, second];
        let answer: Vec<Option<Vec<u8>>> = self.script(&SPEND, &keys, &[&seconds(now)]).await?;
        let mut parts = answer.into_iter();
        let mut next = || parts.next().flatten();
        Ok(match (next(), next()) {
            (Some(flag), Some(whole)) if flag == b"0" => {
                let mut beside = || next().and_then(|stored| live(stored, now));
                (Spend::Fresh(whole), [beside(), beside()])
            }
            (Some(_), Some(later)) => (Spend::Spent(later), [None, None]),
            _ => (Spend::Unknown, [None, None]),
        })
    }
}
