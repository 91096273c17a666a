//! The state store as one SQL table, alike on SQLite and PostgreSQL.

use diesel::dsl::{exists, select};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};
use diesel::upsert::excluded;
use time::{Duration, OffsetDateTime};

use super::{Hits, Key, amounts_sql};
use crate::db::fixed::{Bind, fixed, statement};
use crate::db::metrics::StoreMetrics;
use crate::db::{Conn, Db, DbError, each};
use crate::protocol::instant::AHEAD;
use crate::state::StateError;

diesel::table! {
    kv (k) {
        k -> Text,
        v -> Binary,
        n -> BigInt,
        exp -> BigInt,
        sweep -> BigInt,
    }
}

diesel::table! {
    kv_index (name, member) {
        name -> Text,
        member -> Text,
        exp -> BigInt,
    }
}

statement! { Put -> ():
    "INSERT INTO kv (k, v, n, exp, sweep) VALUES (?, ?, 0, ?, ?) \
     ON CONFLICT (k) DO UPDATE SET v = excluded.v, n = 0, exp = excluded.exp, sweep = excluded.sweep \
     WHERE kv.exp <= ?"
}
statement! { Get -> Binary: "SELECT v FROM kv WHERE k = ? AND exp > ?" }
statement! { Swap -> (): "UPDATE kv SET v = ?, exp = ?, sweep = ? WHERE k = ? AND v = ? AND exp > ?" }
statement! { Hit -> (BigInt, BigInt):
    "INSERT INTO kv (k, v, n, exp, sweep) VALUES (?, ?, 1, ?, ?) ON CONFLICT (k) DO UPDATE SET \
     n = CASE WHEN kv.exp > ? AND kv.exp <= ? THEN kv.n + 1 ELSE 1 END, \
     exp = CASE WHEN kv.exp > ? AND kv.exp <= ? THEN kv.exp ELSE excluded.exp END, \
     sweep = CASE WHEN kv.exp > ? AND kv.exp <= ? THEN kv.sweep ELSE excluded.sweep END RETURNING n, exp"
}
statement! { Unhit -> ():
    "UPDATE kv SET n = CASE WHEN n > ? THEN n - ? ELSE 0 END WHERE k = ? AND exp = ? AND n > 0"
}
statement! { Counted -> (BigInt, BigInt): "SELECT n, exp FROM kv WHERE k = ? AND exp > ?" }
statement! { TakeCounted -> (BigInt, BigInt): "DELETE FROM kv WHERE k = ? AND exp > ? RETURNING n, exp" }

/// How many rows one sweep removes at most, so that it never holds the writer for long.
const SWEEP: i64 = 500;
/// How long a row stays after the end of its value.
const GARBAGE: i64 = 3600;

/// A table of values that end.
#[derive(Clone)]
pub struct SqlKv {
    db: Db,
}

impl SqlKv {
    pub(super) fn new(db: Db) -> SqlKv {
        SqlKv { db }
    }

    pub(super) fn measured(self, measured: StoreMetrics) -> SqlKv {
        SqlKv { db: self.db.measured(measured) }
    }

    /// The database it is a table of.
    pub fn db(&self) -> &Db {
        &self.db
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, StateError> {
        self.db.write(work).await.map_err(|error| failed(&error))
    }

    pub(super) async fn write_one<T: Send + 'static>(
        &self,
        statement: impl FnOnce(&mut Conn) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, StateError> {
        self.db.write_one(statement).await.map_err(|error| failed(&error))
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, DbError> + Clone + Send + 'static,
    ) -> Result<T, StateError> {
        self.db.read(work).await.map_err(|error| failed(&error))
    }

    pub(super) async fn put(&self, key: &Key, value: &[u8], exp: OffsetDateTime) -> Result<(), StateError> {
        // Whenever what is there ends, it is replaced.
        self.put_unless(key, value, exp, i64::MAX).await?;
        Ok(())
    }

    pub(super) async fn put_new(
        &self,
        key: &Key,
        value: &[u8],
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        // A value whose time is over does not count as being there.
        self.put_unless(key, value, exp, now.unix_timestamp()).await
    }

    /// Stores a value unless one is there that ends after `still`; tells whether it did.
    async fn put_unless(
        &self,
        key: &Key,
        value: &[u8],
        exp: OffsetDateTime,
        still: i64,
    ) -> Result<bool, StateError> {
        let (key, value, exp) = (key.as_str().to_owned(), value.to_vec(), exp.unix_timestamp());
        self.write_one(move |conn| {
            let (exp, sweep) = (Bind::Number(exp), Bind::Number(exp + GARBAGE));
            let row = [Bind::Text(&key), Bind::Bytes(&value), exp, sweep, Bind::Number(still)];
            Ok(each!(conn, |c| fixed::<Put>(&row).execute(c)?) == 1)
        })
        .await
    }

    pub(super) async fn get(&self, key: &Key, now: OffsetDateTime) -> Result<Option<Vec<u8>>, StateError> {
        let (key, now) = (key.as_str().to_owned(), now.unix_timestamp());
        self.read(move |conn| {
            let live = [Bind::Text(&key), Bind::Number(now)];
            Ok(each!(conn, |c| fixed::<Get>(&live).get_result(c).optional()?))
        })
        .await
    }

    pub(super) async fn swap(
        &self,
        key: &Key,
        old: &[u8],
        new: &[u8],
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        let (key, old, new) = (key.as_str().to_owned(), old.to_vec(), new.to_vec());
        let (exp, now) = (exp.unix_timestamp(), now.unix_timestamp());
        self.write_one(move |conn| {
            let set = [Bind::Bytes(&new), Bind::Number(exp), Bind::Number(exp + GARBAGE)];
            let row = [set[0], set[1], set[2], Bind::Text(&key), Bind::Bytes(&old), Bind::Number(now)];
            Ok(each!(conn, |c| fixed::<Swap>(&row).execute(c)?) == 1)
        })
        .await
    }

    pub(super) async fn del_same(
        &self,
        key: &Key,
        old: &[u8],
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        let (key, old, now) = (key.as_str().to_owned(), old.to_vec(), now.unix_timestamp());
        self.write_one(move |conn| {
            let same = kv::table.find(key).filter(kv::v.eq(old));
            Ok(diesel::delete(same.filter(kv::exp.gt(now))).execute(conn)? == 1)
        })
        .await
    }

    pub(super) async fn hit(
        &self,
        key: &Key,
        window: Duration,
        now: OffsetDateTime,
    ) -> Result<Hits, StateError> {
        let (key, ends) = (key.as_str().to_owned(), (now + window).unix_timestamp());
        let now = Bind::Number(now.unix_timestamp());
        let counted = self.write_one(move |conn| {
            let latest = Bind::Number(ends + AHEAD.whole_seconds());
            let (ends, sweep) = (Bind::Number(ends), Bind::Number(ends + GARBAGE));
            let fresh = [Bind::Text(&key), Bind::Bytes(b""), ends, sweep];
            let row = [&fresh[..], &[now, latest, now, latest, now, latest]].concat();
            // Read to its end: a statement by itself is committed only then.
            Ok(each!(conn, |c| fixed::<Hit>(&row).load(c)?).pop())
        });
        let counted = hits(counted.await?)?;
        counted.ok_or_else(|| StateError::Broken("a counter was not counted".into()))
    }

    pub(super) async fn unhit(
        &self,
        key: &Key,
        count: u64,
        resets: OffsetDateTime,
    ) -> Result<(), StateError> {
        let (key, resets) = (key.as_str().to_owned(), resets.unix_timestamp());
        let count = Bind::Number(i64::try_from(count).unwrap_or(i64::MAX));
        self.write_one(move |conn| {
            let counted = [count, count, Bind::Text(&key), Bind::Number(resets)];
            each!(conn, |c| fixed::<Unhit>(&counted).execute(c)?);
            Ok(())
        })
        .await
    }

    pub(super) async fn hits(&self, key: &Key, now: OffsetDateTime) -> Result<Option<Hits>, StateError> {
        let (key, now) = (key.as_str().to_owned(), now.unix_timestamp());
        let counted = self.read(move |conn| {
            let live = [Bind::Text(&key), Bind::Number(now)];
            Ok(each!(conn, |c| fixed::<Counted>(&live).get_result(c).optional()?))
        });
        hits(counted.await?)
    }

    pub(super) async fn take_hits(&self, key: &Key, now: OffsetDateTime) -> Result<Option<Hits>, StateError> {
        let (key, now) = (key.as_str().to_owned(), now.unix_timestamp());
        let taken = self.write_one(move |conn| {
            let live = [Bind::Text(&key), Bind::Number(now)];
            Ok(each!(conn, |c| fixed::<TakeCounted>(&live).load(c)?).pop())
        });
        hits(taken.await?)
    }

    pub(super) async fn del(&self, key: &Key) -> Result<(), StateError> {
        let key = key.as_str().to_owned();
        self.write_one(move |conn| {
            diesel::delete(kv::table.find(key)).execute(conn)?;
            Ok(())
        })
        .await
    }

    pub(super) async fn index_add(
        &self,
        set: &Key,
        member: &str,
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StateError> {
        let (set, member) = (set.as_str().to_owned(), member.to_owned());
        let (exp, now) = (exp.unix_timestamp(), now.unix_timestamp());
        self.write(move |conn| {
            diesel::delete(kv_index::table.filter(kv_index::name.eq(&set)).filter(kv_index::exp.le(now)))
                .execute(conn)?;
            let row = (kv_index::name.eq(set), kv_index::member.eq(member), kv_index::exp.eq(exp));
            each!(conn, |c| diesel::insert_into(kv_index::table)
                .values(row)
                .on_conflict((kv_index::name, kv_index::member))
                .do_update()
                .set(kv_index::exp.eq(excluded(kv_index::exp)))
                .execute(c)?);
            Ok(())
        })
        .await
    }

    pub(super) async fn index_list(&self, set: &Key, now: OffsetDateTime) -> Result<Vec<String>, StateError> {
        let (set, now) = (set.as_str().to_owned(), now.unix_timestamp());
        self.read(move |conn| {
            let live = kv_index::table.filter(kv_index::name.eq(set)).filter(kv_index::exp.gt(now));
            let mut members: Vec<String> = live.select(kv_index::member).load(conn)?;
            // Not by the database, which may sort as people do.
            members.sort();
            Ok(members)
        })
        .await
    }

    pub(super) async fn checkpoint(&self) -> Result<(), StateError> {
        self.db.checkpoint().await.map_err(|error| failed(&error))
    }

    pub(super) async fn sweep(&self, now: OffsetDateTime) -> Result<usize, StateError> {
        let once = self.sweep_once(now).await?;
        let now = now.unix_timestamp();
        let due = move || kv::table.filter(kv::sweep.le(now)).filter(kv::exp.le(now));
        if !self.read(move |conn| Ok(select(exists(due())).get_result(conn)?)).await? {
            return Ok(once);
        }
        let swept = self.write(move |conn| {
            let over: Vec<String> = due().select(kv::k).limit(SWEEP).load(conn)?;
            let swept = diesel::delete(due().filter(kv::k.eq_any(over))).execute(conn)?;
            diesel::delete(kv_index::table.filter(kv_index::exp.le(now))).execute(conn)?;
            amounts_sql::sweep(conn, now)?;
            Ok(swept)
        });
        Ok(once.max(swept.await?))
    }
}

/// Reads what a counter answered.
fn hits(counted: Option<(i64, i64)>) -> Result<Option<Hits>, StateError> {
    counted.map(|(count, resets)| Hits::read(u64::try_from(count).unwrap_or_default(), resets)).transpose()
}

fn failed(error: &DbError) -> StateError {
    match error {
        DbError::Unreachable { .. } => StateError::Unreachable(error.to_string()),
        DbError::Query(_) | DbError::Broken(_) => StateError::Broken(error.to_string()),
    }
}
