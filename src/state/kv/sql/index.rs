//! Indexes in SQL: rows of `kv_index`.

use diesel::prelude::*;
use diesel::upsert::excluded;
use time::OffsetDateTime;

use super::{SqlKv, kv_index};
use crate::db::each;
use crate::state::StateError;
use crate::state::kv::Key;

impl SqlKv {
    pub(in crate::state::kv) async fn index_add(
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

    pub(in crate::state::kv) async fn index_list(
        &self,
        set: &Key,
        now: OffsetDateTime,
    ) -> Result<Vec<String>, StateError> {
        let (set, now) = (set.as_str().to_owned(), now.unix_timestamp());
        self.read(move |conn| {
            let live = kv_index::table.filter(kv_index::name.eq(set)).filter(kv_index::exp.gt(now));
            let mut members: Vec<String> = live.select(kv_index::member).load(conn)?;
            // Sorted here, because the database may sort by a locale.
            members.sort();
            Ok(members)
        })
        .await
    }
}
