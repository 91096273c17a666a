//! The state store in SQL tables, the same on SQLite and PostgreSQL.

mod amounts; // budgets
mod counters; // hits within a window
mod index; // sets of names
mod once; // values that are spent once
mod values; // values with an end

use diesel::dsl::{exists, select};
use diesel::prelude::*;
use time::OffsetDateTime;

use crate::db::metrics::StoreMetrics;
use crate::db::{Conn, Db, DbError};
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

/// Number of rows that one sweep deletes at most, so that it never holds the writer for long.
const SWEEP: i64 = 500;

/// A state store in SQL tables.
#[derive(Clone)]
pub struct SqlKv {
    db: Db,
}

impl SqlKv {
    pub(in crate::state::kv) fn new(db: Db) -> SqlKv {
        SqlKv { db }
    }

    pub(in crate::state::kv) fn measured(self, measured: StoreMetrics) -> SqlKv {
        SqlKv { db: self.db.measured(measured) }
    }

    /// The database of the tables.
    pub fn db(&self) -> &Db {
        &self.db
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, StateError> {
        self.db.write(work).await.map_err(|error| failed(&error))
    }

    async fn write_one<T: Send + 'static>(
        &self,
        statement: impl FnOnce(&mut Conn) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, StateError> {
        self.db.write_one(statement).await.map_err(|error| failed(&error))
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, DbError> + Clone + Send + 'static,
    ) -> Result<T, StateError> {
        self.db.read(work).await.map_err(|error| failed(&error))
    }

    pub(in crate::state::kv) async fn checkpoint(&self) -> Result<(), StateError> {
        self.db.checkpoint().await.map_err(|error| failed(&error))
    }

    pub(in crate::state::kv) async fn sweep(&self, now: OffsetDateTime) -> Result<usize, StateError> {
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
            amounts::sweep(conn, now)?;
            Ok(swept)
        });
        Ok(once.max(swept.await?))
    }
}

fn failed(error: &DbError) -> StateError {
    match error {
        DbError::Unreachable { .. } => StateError::Unreachable(error.to_string()),
        DbError::Query(_) | DbError::Broken(_) => StateError::Broken(error.to_string()),
    }
}
