//! Counters in SQL: rows of `kv` whose column `n` counts.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use time::{Duration, OffsetDateTime};

use super::SqlKv;
use crate::db::each;
use crate::db::fixed::{Bind, fixed, statement};
use crate::protocol::instant::AHEAD;
use crate::state::StateError;
use crate::state::kv::{GARBAGE, Hits, Key};

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

impl SqlKv {
    pub(in crate::state::kv) async fn hit(
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
            // Read to the end, because a single statement is committed only then.
            Ok(each!(conn, |c| fixed::<Hit>(&row).load(c)?).pop())
        });
        let counted = hits(counted.await?)?;
        counted.ok_or_else(|| StateError::Broken("a counter was not counted".into()))
    }

    pub(in crate::state::kv) async fn unhit(
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

    pub(in crate::state::kv) async fn hits(
        &self,
        key: &Key,
        now: OffsetDateTime,
    ) -> Result<Option<Hits>, StateError> {
        let (key, now) = (key.as_str().to_owned(), now.unix_timestamp());
        let counted = self.read(move |conn| {
            let live = [Bind::Text(&key), Bind::Number(now)];
            Ok(each!(conn, |c| fixed::<Counted>(&live).get_result(c).optional()?))
        });
        hits(counted.await?)
    }

    pub(in crate::state::kv) async fn take_hits(
        &self,
        key: &Key,
        now: OffsetDateTime,
    ) -> Result<Option<Hits>, StateError> {
        let (key, now) = (key.as_str().to_owned(), now.unix_timestamp());
        let taken = self.write_one(move |conn| {
            let live = [Bind::Text(&key), Bind::Number(now)];
            Ok(each!(conn, |c| fixed::<TakeCounted>(&live).load(c)?).pop())
        });
        hits(taken.await?)
    }
}

/// Parses a counter.
fn hits(counted: Option<(i64, i64)>) -> Result<Option<Hits>, StateError> {
    counted.map(|(count, resets)| Hits::read(u64::try_from(count).unwrap_or_default(), resets)).transpose()
}
