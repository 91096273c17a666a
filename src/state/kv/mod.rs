//! The narrow contract of the state store. Each value has an end, which is compared with the instant handed in, so that
//! the caller's clock decides on every store. Native expiry only collects garbage.

use std::path::Path;

use time::{Duration, OffsetDateTime};

use super::StateError;
use crate::db::metrics::StoreMetrics;
use crate::db::{Db, DbError, Durability, Url};

mod key; // drawers and keys
mod once; // keys of values that are spent once
mod redis; // the contract in Redis
mod sql; // the contract in SQL tables

pub(super) use self::redis::RedisKv;
pub use self::redis::passes;
use self::sql::SqlKv;
pub use key::{Drawer, Key};
pub(super) use once::Part;
pub use once::{OnceKey, Until};

/// How much later than a new amount another one of the same budget may end and still count, in seconds. Amounts of one
/// budget last equally long; their ends may be rounded to the minute, and clocks differ by 30 seconds at most.
const LATER: i64 = 90;

/// How long a store keeps a value after its end, in seconds.
const GARBAGE: i64 = 3600;

/// The outcome of spending a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spend<W = Vec<u8>, L = Vec<u8>> {
    /// The value; it is spent now, and no other call gets this answer.
    Fresh(W),
    /// It was spent before; this is the part that is kept for later calls.
    Spent(L),
    /// It never existed, or has ended.
    Unknown,
}

/// Two values, each if it exists.
pub type Pair = [Option<Vec<u8>>; 2];

/// The count of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hits {
    /// The count, the present hit included.
    pub count: u64,
    /// The end of the window.
    pub resets: OffsetDateTime,
}

/// The outcome of holding an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It is held.
    Held,
    /// The budget has no room for it before this instant.
    Full(OffsetDateTime),
}

impl Hold {
    /// The instant at which a budget with these held amounts, each with its end, has room for another amount.
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
    /// Parses a store's answer.
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

/// Calls a verb on either store.
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

    /// A store in an SQLite file of its own, which is created if there is none. Blocks.
    pub fn file(path: &Path) -> Result<Kv, DbError> {
        let db = Db::open(&Url::Sqlite(path.to_owned()), Durability::Process, super::MIGRATIONS)?;
        db.migrate_now(super::ON_SQLITE)?;
        Ok(Kv::sql(db))
    }

    /// A store in Redis. It connects at first use, and again after a connection was lost.
    pub fn redis(url: &str) -> Result<Kv, StateError> {
        RedisKv::connect(url, None).map(Kv::Redis)
    }

    /// The same, with these root certificates (PEM) alone for TLS.
    pub fn redis_trusting(url: &str, roots: Vec<u8>) -> Result<Kv, StateError> {
        RedisKv::connect(url, Some(roots)).map(Kv::Redis)
    }

    /// The same store with metrics of its operations.
    pub fn measured(self, measured: StoreMetrics) -> Kv {
        match self {
            Kv::Sql(kv) => Kv::Sql(kv.measured(measured)),
            Kv::Redis(kv) => Kv::Redis(kv.measured(measured)),
        }
    }

    /// Number of commands or statements sent so far; in `PostgreSQL` those of the main store included.
    pub fn asked(&self) -> u64 {
        match self {
            Kv::Sql(kv) => kv.db().statements(),
            Kv::Redis(kv) => kv.asked(),
        }
    }

    /// Stores a value until `exp`. A present value is replaced.
    pub async fn put(&self, key: &Key, value: &[u8], exp: OffsetDateTime) -> Result<(), StateError> {
        both!(self, kv => kv.put(key, value, exp))
    }

    /// Stores a value if none is present; tells whether it did. Of concurrent calls exactly one does.
    pub async fn put_new(
        &self,
        key: &Key,
        value: &[u8],
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        both!(self, kv => kv.put_new(key, value, exp, now))
    }

    /// The value, unless it has ended.
    pub async fn get(&self, key: &Key, now: OffsetDateTime) -> Result<Option<Vec<u8>>, StateError> {
        both!(self, kv => kv.get(key, now))
    }

    /// Stores a value that can be spent until `exp`. A present value is replaced. `later`, of less than 1000 bytes, is the
    /// part that is kept of a spent value, until the instant in its key.
    pub async fn issue(
        &self,
        key: &OnceKey,
        whole: &[u8],
        later: &[u8],
        exp: OffsetDateTime,
    ) -> Result<(), StateError> {
        both!(self, kv => kv.issue(key, whole, later, exp))
    }

    /// Spends a value in one atomic step. Of concurrent calls exactly one gets [`Spend::Fresh`], and with it two other
    /// values as they are at that moment, each unless it has ended.
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

    /// Replaces `old` by `new` if `old` is the present value; tells whether it did.
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

    /// Removes a value if `old` is the present value; tells whether it did.
    pub async fn del_same(&self, key: &Key, old: &[u8], now: OffsetDateTime) -> Result<bool, StateError> {
        both!(self, kv => kv.del_same(key, old, now))
    }

    /// Counts a hit within a window that begins with the first hit. A window that ends later than a new one would was begun
    /// by a clock that ran ahead, and is begun anew.
    pub async fn hit(&self, key: &Key, window: Duration, now: OffsetDateTime) -> Result<Hits, StateError> {
        both!(self, kv => kv.hit(key, window, now))
    }

    /// Subtracts hits from the window that ends at `resets`, never below zero. A later window is not changed.
    pub async fn unhit(&self, key: &Key, count: u64, resets: OffsetDateTime) -> Result<(), StateError> {
        both!(self, kv => kv.unhit(key, count, resets))
    }

    /// The count of the present window, without counting.
    pub async fn hits(&self, key: &Key, now: OffsetDateTime) -> Result<Option<Hits>, StateError> {
        both!(self, kv => kv.hits(key, now))
    }

    /// Removes a counter and answers its count, in one atomic step: of concurrent calls one gets it.
    pub async fn take_hits(&self, key: &Key, now: OffsetDateTime) -> Result<Option<Hits>, StateError> {
        both!(self, kv => kv.take_hits(key, now))
    }

    /// Adds an amount to a budget if its sum is then at most `most`. Each amount ends by itself, at `until`. Ends are
    /// stored to the second, each in a record; round them, to the minute at most, where there would be many. All amounts
    /// of one budget must last equally long: one that ends much later than this one was held by a clock that ran ahead,
    /// and does not count.
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

    /// Removes an amount that [`Kv::hold`] added, before its end.
    pub async fn release(&self, key: &Key, amount: u64, until: OffsetDateTime) -> Result<(), StateError> {
        both!(self, kv => kv.release(key, amount, until))
    }

    /// Removes a value, if it is present.
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

    /// The members that have not ended, sorted.
    pub async fn index_list(&self, set: &Key, now: OffsetDateTime) -> Result<Vec<String>, StateError> {
        both!(self, kv => kv.index_list(set, now))
    }

    /// Copies the write-ahead log into the database file, if there is one.
    pub async fn checkpoint(&self) -> Result<(), StateError> {
        match self {
            Kv::Sql(kv) => kv.checkpoint().await,
            Kv::Redis(_) => Ok(()),
        }
    }

    /// Deletes up to 500 values that have ended, and answers how many. Redis does so by itself.
    pub async fn sweep(&self, now: OffsetDateTime) -> Result<usize, StateError> {
        match self {
            Kv::Sql(kv) => kv.sweep(now).await,
            Kv::Redis(_) => Ok(0),
        }
    }
}
