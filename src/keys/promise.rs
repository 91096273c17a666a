//! The spans that caches and verifiers rely on, recorded in the database. A shorter policy does not shorten the
//! promises that were made under an older one.
//!
//! Every change of the keys holds the lock of this record, so changes are serialized.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::policy::KeyPolicy;
use crate::db::{Conn, DbError};
use crate::protocol::instant::AHEAD;
use crate::store::facts;

/// The longest time a node signs without its database: it cannot learn there that a key was revoked.
pub const LONGEST_OUT_OF_TOUCH: Duration = Duration::hours(1);
/// The name of the fact.
const FACT: &str = "key_promise";

/// The spans every node relies on, and the remainders of longer spans that were promised before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// Every copy of a key set expires within this many seconds after the set was read from the database.
    publish_before: i64,
    /// Every token expires within this many seconds after its key was last seen to be active.
    publish_after: i64,
    /// The longest lifetime of a token that was ever offered, in seconds. Never becomes shorter; absent in old records.
    #[serde(default)]
    longest_token: i64,
    /// Until when key sets that were served under a longer `publish_before` may be cached, in epoch seconds.
    held_before: i64,
    /// Until when tokens that were signed under a longer `publish_after` may be valid, in epoch seconds.
    held_after: i64,
    /// How many seconds ahead `held_before` was at most when it was recorded; absent in old records.
    #[serde(default)]
    before_span: Option<i64>,
    /// The same of `held_after`.
    #[serde(default)]
    after_span: Option<i64>,
}

impl Promise {
    fn under(policy: &KeyPolicy) -> Promise {
        Promise::offering(policy, policy.longest_token)
    }

    /// The promise under a policy where tokens of this lifetime were offered as well.
    fn offering(policy: &KeyPolicy, lifetime: Duration) -> Promise {
        let longest = policy.longest_token.max(lifetime);
        Promise {
            publish_before: policy.publish_before.whole_seconds(),
            publish_after: policy.publish_after(longest).whole_seconds(),
            longest_token: longest.whole_seconds(),
            held_before: 0,
            held_after: 0,
            before_span: None,
            after_span: None,
        }
    }

    /// The promise after a node has started with `policy`: a span that it shortens stays recorded for as long as it
    /// may be relied on.
    fn and(self, policy: &KeyPolicy, now: OffsetDateTime) -> Promise {
        let (new, now) = (Promise::offering(policy, self.longest_token(policy)), now.unix_timestamp());
        let held = |old: i64, new: i64, until: i64, span: Option<i64>| {
            let until = limited(until, span, now);
            if new >= old {
                return (until, span);
            }
            let longer = old + 1 + policy.skew.whole_seconds();
            let is_unknown = span.is_none() && until > now;
            (until.max(now + longer), (!is_unknown).then(|| span.unwrap_or_default().max(longer)))
        };
        let before = held(self.publish_before, new.publish_before, self.held_before, self.before_span);
        let after = held(self.publish_after, new.publish_after, self.held_after, self.after_span);
        Promise {
            held_before: before.0,
            before_span: before.1,
            held_after: after.0,
            after_span: after.1,
            ..new
        }
    }

    /// The promise after tokens of this lifetime were offered.
    fn and_offered(self, policy: &KeyPolicy, lifetime: Duration) -> Promise {
        let offered = Promise::offering(policy, lifetime);
        Promise {
            publish_after: self.publish_after.max(offered.publish_after),
            longest_token: self.longest_token.max(offered.longest_token),
            ..self
        }
    }

    /// The longest lifetime of a token that was ever offered. No token may live longer that is signed while this is the
    /// promise.
    pub fn longest_token(&self, policy: &KeyPolicy) -> Duration {
        policy.longest_token.max(Duration::seconds(self.longest_token))
    }

    /// How long a key is public after it has signed for the last time, without the skew.
    fn after(&self, policy: &KeyPolicy) -> Duration {
        policy.publish_after(self.longest_token(policy))
    }

    /// How long a key set may be cached that was read from the database `age` ago; none when it may not be served
    /// any more.
    ///
    /// A key that the set lacks signs nothing until `publish_before` after the set was read. By then every copy must
    /// have expired, also one that passed from cache to cache. So the span shrinks while the database is away.
    pub fn max_age(&self, policy: &KeyPolicy, age: Duration) -> Option<Duration> {
        let left = policy.publish_before.min(Duration::seconds(self.publish_before)) - age;
        left.is_positive().then(|| policy.jwks_max_age.min(left / 2_i32))
    }

    /// Tells whether a key may sign that was last seen to be active `age` ago. It may be retiring by now, and every
    /// token it signs must expire before it leaves the public set.
    pub fn may_sign(&self, policy: &KeyPolicy, age: Duration) -> bool {
        let after = self.after(policy).min(Duration::seconds(self.publish_after));
        age <= (after - self.longest_token(policy) - policy.jwks_max_age).min(LONGEST_OUT_OF_TOUCH)
    }

    /// The earliest instant at which a key that is published now may sign, in epoch seconds.
    pub fn may_sign_from(&self, policy: &KeyPolicy, now: OffsetDateTime) -> i64 {
        let (span, now) =
            (policy.publish_before.whole_seconds().max(self.publish_before), now.unix_timestamp());
        let held = limited(self.held_before, self.before_span, now);
        held.max(now + 1 + span + policy.skew.whole_seconds())
    }

    /// The earliest instant at which a key that stops signing now may leave the public set, in epoch seconds.
    pub fn may_leave_at(&self, policy: &KeyPolicy, now: OffsetDateTime) -> i64 {
        let (span, now) = (self.after(policy).whole_seconds().max(self.publish_after), now.unix_timestamp());
        let held = limited(self.held_after, self.after_span, now);
        held.max(now + 1 + span + policy.skew.whole_seconds())
    }
}

/// Limits a recorded instant to what its span allows: a later one was recorded by a clock that ran ahead.
fn limited(until: i64, span: Option<i64>, now: i64) -> i64 {
    span.map_or(until, |span| until.min(now + span + AHEAD.whole_seconds()))
}

/// Records that a node starts with a policy; returns the promise that holds from now on.
pub fn begin(conn: &mut Conn, policy: &KeyPolicy, now: OffsetDateTime) -> Result<Promise, DbError> {
    let known = lock(conn, policy)?;
    let next = known.and(policy, now);
    if next != known {
        facts::set(conn, FACT, &encode(next)?)?;
    }
    Ok(next)
}

/// Records that tokens of this lifetime are about to be offered: keys that sign them are public for long enough from now
/// on. It has to be committed before a token of this lifetime is signed.
pub fn offer(conn: &mut Conn, policy: &KeyPolicy, lifetime: Duration) -> Result<(), DbError> {
    let known = lock(conn, policy)?;
    let next = known.and_offered(policy, lifetime);
    if next != known {
        facts::set(conn, FACT, &encode(next)?)?;
    }
    Ok(())
}

/// Reads the record and locks it: no other transaction changes the keys until this one ends.
pub fn lock(conn: &mut Conn, policy: &KeyPolicy) -> Result<Promise, DbError> {
    facts::get_or_insert(conn, FACT, &encode(Promise::under(policy))?)?;
    facts::lock(conn, FACT)?;
    read(conn, policy)
}

/// Reads the record without a lock.
pub fn read(conn: &mut Conn, policy: &KeyPolicy) -> Result<Promise, DbError> {
    match facts::get(conn, FACT)? {
        None => Ok(Promise::under(policy)),
        Some(text) => serde_json::from_str(&text)
            .map_err(|error| DbError::Broken(format!("the fact {FACT} cannot be read: {error}"))),
    }
}

fn encode(promise: Promise) -> Result<String, DbError> {
    serde_json::to_string(&promise).map_err(|error| DbError::Broken(error.to_string()))
}
