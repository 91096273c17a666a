//! What nodes promised to caches under the policies they ran with: recorded in the database, because a
//! new policy does not take back what an older one promised.
//!
//! Every change to the keys holds this record's lock, so that changes follow one another.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::policy::KeyPolicy;
use crate::db::{Conn, DbError};
use crate::protocol::instant::AHEAD;
use crate::store::facts;

/// How long a node that has lost its database goes on signing, at the most: a key that others had to
/// revoke must not be in use for longer.
pub const LONGEST_OUT_OF_TOUCH: Duration = Duration::hours(1);
/// The name of the fact.
const FACT: &str = "key_promise";

/// The spans that every node can rely on, and what is left of longer ones that were promised before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// Whoever serves a key set makes sure that it is forgotten this many seconds after it was read.
    publish_before: i64,
    /// Whoever signs makes sure that it has expired this many seconds after its key was seen to be active.
    publish_after: i64,
    /// Until when sets served under a longer `publish_before` may still be held.
    held_before: i64,
    /// Until when tokens signed under a longer `publish_after` may still be valid.
    held_after: i64,
    /// How far ahead `held_before` can have been at the most when it was recorded; unknown in old records.
    #[serde(default)]
    before_span: Option<i64>,
    /// The same of `held_after`.
    #[serde(default)]
    after_span: Option<i64>,
}

impl Promise {
    fn under(policy: &KeyPolicy) -> Promise {
        Promise {
            publish_before: policy.publish_before.whole_seconds(),
            publish_after: policy.publish_after.whole_seconds(),
            held_before: 0,
            held_after: 0,
            before_span: None,
            after_span: None,
        }
    }

    /// The same after a node has begun to run with a policy: what is shortened is remembered for as long
    /// as anybody may rely on it.
    fn and(self, policy: &KeyPolicy, now: OffsetDateTime) -> Promise {
        let (new, now) = (Promise::under(policy), now.unix_timestamp());
        let held = |old: i64, new: i64, until: i64, span: Option<i64>| {
            let until = believed(until, span, now);
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

    /// For how long a key set may be cached that was read from the database so long ago; none when it may
    /// not be handed out any more.
    ///
    /// A key that is not in it signs nothing until `publish_before` after the set was read. By then every
    /// copy must be gone, one that was handed on from cache to cache too: so as long as the database cannot
    /// be seen, the promise shrinks.
    pub fn max_age(&self, policy: &KeyPolicy, age: Duration) -> Option<Duration> {
        let left = policy.publish_before.min(Duration::seconds(self.publish_before)) - age;
        left.is_positive().then(|| policy.jwks_max_age.min(left / 2_i32))
    }

    /// Tells whether a key may sign that was seen to be active so long ago: it may be retiring by now, and
    /// whatever it signs must expire before it is gone.
    pub fn may_sign(&self, policy: &KeyPolicy, age: Duration) -> bool {
        let after = policy.publish_after.min(Duration::seconds(self.publish_after));
        age <= (after - policy.longest_token - policy.jwks_max_age).min(LONGEST_OUT_OF_TOUCH)
    }

    /// The earliest instant at which a key that becomes public now may sign.
    pub fn may_sign_from(&self, policy: &KeyPolicy, now: OffsetDateTime) -> i64 {
        let (span, now) =
            (policy.publish_before.whole_seconds().max(self.publish_before), now.unix_timestamp());
        let held = believed(self.held_before, self.before_span, now);
        held.max(now + 1 + span + policy.skew.whole_seconds())
    }

    /// The earliest instant at which a key that ceases to sign now may leave the public set.
    pub fn may_leave_at(&self, policy: &KeyPolicy, now: OffsetDateTime) -> i64 {
        let (span, now) =
            (policy.publish_after.whole_seconds().max(self.publish_after), now.unix_timestamp());
        let held = believed(self.held_after, self.after_span, now);
        held.max(now + 1 + span + policy.skew.whole_seconds())
    }
}

/// An instant until which something is held, no further away than it can have been when it was recorded: what is
/// further away was recorded by a clock that ran ahead.
fn believed(until: i64, span: Option<i64>, now: i64) -> i64 {
    span.map_or(until, |span| until.min(now + span + AHEAD.whole_seconds()))
}

/// Records that a node begins to run with a policy; answers what holds from now on.
pub fn begin(conn: &mut Conn, policy: &KeyPolicy, now: OffsetDateTime) -> Result<Promise, DbError> {
    let known = lock(conn, policy)?;
    let next = known.and(policy, now);
    if next != known {
        facts::set(conn, FACT, &encode(next)?)?;
    }
    Ok(next)
}

/// Reads the record and keeps all others from changing the keys until this transaction ends.
pub fn lock(conn: &mut Conn, policy: &KeyPolicy) -> Result<Promise, DbError> {
    facts::get_or_insert(conn, FACT, &encode(Promise::under(policy))?)?;
    facts::lock(conn, FACT)?;
    read(conn, policy)
}

/// Reads the record, for looking alone.
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
