//! Values in SQL: rows of `kv`.

use diesel::prelude::*;
use diesel::sql_types::Binary;
use time::OffsetDateTime;

use super::{SqlKv, kv};
use crate::db::each;
use crate::db::fixed::{Bind, fixed, statement};
use crate::state::StateError;
use crate::state::kv::{GARBAGE, Key};

statement! { Put -> ():
    "INSERT INTO kv (k, v, n, exp, sweep) VALUES (?, ?, 0, ?, ?) \
     ON CONFLICT (k) DO UPDATE SET v = excluded.v, n = 0, exp = excluded.exp, sweep = excluded.sweep \
     WHERE kv.exp <= ?"
}
statement! { Get -> Binary: "SELECT v FROM kv WHERE k = ? AND exp > ?" }
statement! { Swap -> (): "UPDATE kv SET v = ?, exp = ?, sweep = ? WHERE k = ? AND v = ? AND exp > ?" }

impl SqlKv {
    pub(in crate::state::kv) async fn put(
        &self,
        key: &Key,
        value: &[u8],
        exp: OffsetDateTime,
    ) -> Result<(), StateError> {
        // A value is replaced whatever its end.
        self.put_unless(key, value, exp, i64::MAX).await?;
        Ok(())
    }

    pub(in crate::state::kv) async fn put_new(
        &self,
        key: &Key,
        value: &[u8],
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        // A value that has ended does not count as present.
        self.put_unless(key, value, exp, now.unix_timestamp()).await
    }

    /// Stores a value unless one is present that ends after `still`; tells whether it did.
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

    pub(in crate::state::kv) async fn get(
        &self,
        key: &Key,
        now: OffsetDateTime,
    ) -> Result<Option<Vec<u8>>, StateError> {
        let (key, now) = (key.as_str().to_owned(), now.unix_timestamp());
        self.read(move |conn| {
            let live = [Bind::Text(&key), Bind::Number(now)];
            Ok(each!(conn, |c| fixed::<Get>(&live).get_result(c).optional()?))
        })
        .await
    }

    pub(in crate::state::kv) async fn swap(
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

    pub(in crate::state::kv) async fn del_same(
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

    pub(in crate::state::kv) async fn del(&self, key: &Key) -> Result<(), StateError> {
        let key = key.as_str().to_owned();
        self.write_one(move |conn| {
            diesel::delete(kv::table.find(key)).execute(conn)?;
            Ok(())
        })
        .await
    }
}
