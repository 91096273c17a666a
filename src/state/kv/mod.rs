//! The narrow contract of the state store. Every verb takes `now` and every value its own end, so that
//! the clock is ours on both backends; their native expiry only collects garbage.

use std::path::Path;

use time::{Duration, OffsetDateTime};

use super::StateError;
use crate::db::metrics::StoreMetrics;
use crate::db::{Db, DbError, Durability, Url};

mod amounts_redis; // budgets, over Redis
mod amounts_sql; // and over a SQL table
mod link; // connections to Redis
mod once; // values that are spent once
mod redis; // the contract over Redis
mod sql; // the contract over a SQL table

pub(super) use self::redis::RedisKv;
use self::sql::SqlKv;
pub use link::passes;
pub(super) use once::Part;
pub use once::{OnceKey, Until};

/// How much later than one held now an amount of the same budget may end and be believed, in seconds: amounts of one
/// budget last equally long, to within the minute their ends may be rounded to, and clocks differ by 30 seconds at most.
const LATER: i64 = 90;

/// A key: a drawer and a name in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// A key in a drawer; the drawer's letter keeps kinds apart.
    pub fn new(drawer: char, name: &str) -> Key {
        let mut key = String::with_capacity(name.len() + 2);
        key.extend([drawer, ':']);
        key.push_str(name);
        Key(key)
    }

    /// The letter of its drawer.
    pub(super) fn drawer(&self) -> &str {
        self.0.get(..1).unwrap_or_default()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What became of an attempt to spend a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spend<W = Vec<u8>, L = Vec<u8>> {
    /// It was there, whole, and is spent now; no other caller gets this answer.
    Fresh(W),
    /// It was spent before; this is what was kept for such a case.
    Spent(L),
    /// It never was, or its time is over.
    Unknown,
}

/// What was found of two values.
pub type Pair = [Option<Vec<u8>>; 2];

/// How often something happened within a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hits {
    /// This time included.
    pub count: u64,
    /// When counting starts again.
    pub resets: OffsetDateTime,
}

/// What became of an amount that was to be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It is held.
    Held,
    /// The budget has no room for it before this instant.
    Full(OffsetDateTime),
}

impl Hold {
    /// When a budget that holds these amounts, each until its second, has room for one more.
    pub(super) fn full(mut held: Vec<(i64, u64)>, amount: u64, most: u64) -> Result<Hold, StateError> {
        held.sort_unstable();
        let mut sum: u64 = held.iter().map(|(_, amount)| amount).sum();
        let frees = held.iter().find(|(_, ends)| {
            sum = sum.saturating_sub(*ends);
            sum.saturating_add(amount) <= most
        });
        let (frees, _) = frees.or(held.last()).copied().unwrap_or_default();
        let frees = OffsetDateTime::from_unix_timestamp(frees);
        frees.map(Hold::Full).map_err(|error| StateError::Broken(error.to_string()))
    }
}

impl Hits {
    /// Reads what a store answers.
    pub(super) fn read(count: u64, resets: i64) -> Result<Hits, StateError> {
        let resets = OffsetDateTime::from_unix_timestamp(resets);
        Ok(Hits { count, resets: resets.map_err(|error| StateError::Broken(error.to_string()))? })
    }
}

/// A state store.
#[derive(Clone)]
pub enum Kv {
    /// A table, in SQLite or PostgreSQL.
    Sql(SqlKv),
    /// Redis 6.2 or later, or a compatible server.
    Redis(RedisKv),
}

/// Calls the same verb on whichever store it is.
macro_rules! both {
    ($kv:expr, $store:ident => $call:expr) => {
        match $kv {
            Kv::Sql($store) => $call.await,
            Kv::Redis($store) => $call.await,
        }
    };
}

impl Kv {
    /// A store in SQL, whose tables exist already.
    pub fn sql(db: Db) -> Kv {
        Kv::Sql(SqlKv::new(db))
    }

    /// A store in an SQLite file of its own, which is made if there is none. Blocks.
    pub fn file(path: &Path) -> Result<Kv, DbError> {
        let db = Db::open(&Url::Sqlite(path.to_owned()), Durability::Process, super::MIGRATIONS)?;
        db.migrate_now(super::ON_SQLITE)?;
        Ok(Kv::sql(db))
    }

    /// A store in Redis; connects when first used and again whenever the link was lost.
    pub fn redis(url: &str) -> Result<Kv, StateError> {
        RedisKv::connect(url, None).map(Kv::Redis)
    }

    /// The same; over TLS it trusts these roots (PEM) and no others.
    pub fn redis_trusting(url: &str, roots: Vec<u8>) -> Result<Kv, StateError> {
        RedisKv::connect(url, Some(roots)).map(Kv::Redis)
    }

    /// The same store, whose operations count as those of this one.
    pub fn measured(self, measured: StoreMetrics) -> Kv {
        match self {
            Kv::Sql(kv) => Kv::Sql(kv.measured(measured)),
            Kv::Redis(kv) => Kv::Redis(kv.measured(measured)),
        }
    }

    /// How many commands, or statements, it was asked so far; in `PostgreSQL` together with the main store.
    pub fn asked(&self) -> u64 {
        match self {
            Kv::Sql(kv) => kv.db().statements(),
            Kv::Redis(kv) => kv.asked(),
        }
    }

    /// Stores a value until `exp`, in place of any other.
    pub async fn put(&self, key: &Key, value: &[u8], exp: OffsetDateTime) -> Result<(), StateError> {
        both!(self, kv => kv.put(key, value, exp))
    }

    /// Stores a value if none is there; tells whether it did. Of many at once exactly one does.
    pub async fn put_new(
        &self,
        key: &Key,
        value: &[u8],
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        both!(self, kv => kv.put_new(key, value, exp, now))
    }

    /// The value, unless its time is over.
    pub async fn get(&self, key: &Key, now: OffsetDateTime) -> Result<Option<Vec<u8>>, StateError> {
        both!(self, kv => kv.get(key, now))
    }

    /// Stores a value that can be spent until `exp`, in place of any other. `later`, of less than 1000 bytes, is what is
    /// kept of it once it was spent, until the instant in its key.
    pub async fn issue(
        &self,
        key: &OnceKey,
        whole: &[u8],
        later: &[u8],
        exp: OffsetDateTime,
    ) -> Result<(), StateError> {
        both!(self, kv => kv.issue(key, whole, later, exp))
    }

    /// Spends a value in one atomic step. Of many at once exactly one is told [`Spend::Fresh`], and with it what two
    /// other values are at that moment, each unless its time is over.
    pub async fn spend(
        &self,
        key: &OnceKey,
        beside: [&Key; 2],
        now: OffsetDateTime,
    ) -> Result<(Spend, Pair), StateError> {
        if key.is_over(now) {
            return Ok((Spend::Unknown, [None, None]));
        }
        both!(self, kv => kv.spend(key, beside, now))
    }

    /// Replaces `old` by `new` if `old` is still what is there; tells whether it did.
    pub async fn swap(
        &self,
        key: &Key,
        old: &[u8],
        new: &[u8],
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        both!(self, kv => kv.swap(key, old, new, exp, now))
    }

    /// Removes a value if `old` is still what is there; tells whether it did.
    pub async fn del_same(&self, key: &Key, old: &[u8], now: OffsetDateTime) -> Result<bool, StateError> {
        both!(self, kv => kv.del_same(key, old, now))
    }

    /// Counts one more within a window that starts with the first. A window that ends later than one begun now was
    /// begun by a clock that ran ahead, and is begun anew.
    pub async fn hit(&self, key: &Key, window: Duration, now: OffsetDateTime) -> Result<Hits, StateError> {
        both!(self, kv => kv.hit(key, window, now))
    }

    /// Takes this many counts back, never below zero. `resets` is what [`Kv::hit`] said of their window; a later
    /// window keeps what it counted.
    pub async fn unhit(&self, key: &Key, count: u64, resets: OffsetDateTime) -> Result<(), StateError> {
        both!(self, kv => kv.unhit(key, count, resets))
    }

    /// What was counted in the present window, without counting.
    pub async fn hits(&self, key: &Key, now: OffsetDateTime) -> Result<Option<Hits>, StateError> {
        both!(self, kv => kv.hits(key, now))
    }

    /// Removes a counter and answers what it had counted, in one atomic step: of many at once one is told.
    pub async fn take_hits(&self, key: &Key, now: OffsetDateTime) -> Result<Option<Hits>, StateError> {
        both!(self, kv => kv.take_hits(key, now))
    }

    /// Adds an amount to a budget if at most `most` are held then. It is held until `until`, and then the
    /// budget has room for it again: each amount ends by itself. Until when an amount is held is kept to the second,
    /// so round it, to the minute at most, where many different ends would be many records. All amounts of one budget
    /// must last equally long: one that ends much later than this one was held by a clock that ran ahead, and does
    /// not count.
    pub async fn hold(
        &self,
        key: &Key,
        amount: u64,
        most: u64,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Hold, StateError> {
        both!(self, kv => kv.hold(key, amount, most, until, now))
    }

    /// Gives back what [`Kv::hold`] added, before its time.
    pub async fn release(&self, key: &Key, amount: u64, until: OffsetDateTime) -> Result<(), StateError> {
        both!(self, kv => kv.release(key, amount, until))
    }

    /// Removes a value; one that is not there is no error.
    pub async fn del(&self, key: &Key) -> Result<(), StateError> {
        both!(self, kv => kv.del(key))
    }

    /// Adds a member to a set until `exp`; adding it again moves its end.
    pub async fn index_add(
        &self,
        set: &Key,
        member: &str,
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StateError> {
        both!(self, kv => kv.index_add(set, member, exp, now))
    }

    /// The members whose time is not over, sorted.
    pub async fn index_list(&self, set: &Key, now: OffsetDateTime) -> Result<Vec<String>, StateError> {
        both!(self, kv => kv.index_list(set, now))
    }

    /// Carries what was written ahead over into the file, where there is one.
    pub async fn checkpoint(&self) -> Result<(), StateError> {
        match self {
            Kv::Sql(kv) => kv.checkpoint().await,
            Kv::Redis(_) => Ok(()),
        }
    }

    /// Deletes up to 500 values whose time is over; tells how many. Redis does that by itself.
    pub async fn sweep(&self, now: OffsetDateTime) -> Result<usize, StateError> {
        match self {
            Kv::Sql(kv) => kv.sweep(now).await,
            Kv::Redis(_) => Ok(0),
        }
    }
}
