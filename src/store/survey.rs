//! Checks of a database, for operators. Nothing is changed.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Double, Text};
use diesel::{PgConnection, SqliteConnection, select};
use time::{Duration, OffsetDateTime};

use super::schema::{clients, consents, endings, events, signing_keys, users};
use crate::db::{Conn, DbError};
use crate::protocol::instant::AHEAD;

/// The findings.
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub struct Survey {
    /// The engine and its version.
    pub engine: String,
    /// Whether it takes writes.
    pub takes_writes: bool,
    /// Whether what was committed survives a power cut.
    pub is_durable: bool,
    /// Whether the connection leaves this machine without encryption.
    pub is_open: bool,
    /// The time of its clock; `None` for the embedded engine, which has none.
    pub now: Option<OffsetDateTime>,
    /// Whether the tables of `store` exist.
    pub has_tables: bool,
    /// Whether the tables of `state` exist.
    pub has_state: bool,
    /// Whether it stores all of Unicode.
    pub is_unicode: bool,
}

/// Checks the database of a connection.
pub fn survey(conn: &mut Conn) -> Result<Survey, DbError> {
    match conn {
        Conn::Sqlite(conn) => of_sqlite(conn),
        Conn::Pg(conn) => of_postgres(conn),
    }
}

fn of_sqlite(conn: &mut SqliteConnection) -> Result<Survey, DbError> {
    let version: String = select(sql::<Text>("sqlite_version()")).get_result(conn)?;
    let mut has = |table: &str| {
        let exists = format!("EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '{table}')");
        select(sql::<Bool>(&exists)).get_result(conn)
    };
    let (has_tables, has_state) = (has("facts")?, has("kv")?);
    Ok(Survey {
        engine: format!("SQLite {version}"),
        takes_writes: true,
        is_durable: true,
        is_open: false,
        now: None,
        has_tables,
        has_state,
        is_unicode: true,
    })
}

fn of_postgres(conn: &mut PgConnection) -> Result<Survey, DbError> {
    let version: String = select(sql::<Text>("current_setting('server_version')")).get_result(conn)?;
    let mut is = |question: &str| select(sql::<Bool>(question)).get_result::<bool>(conn);
    let takes_writes = is("NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'")?;
    // `local` waits for this server's disk, `off` for none.
    let is_durable =
        is("current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off'")?;
    let is_open = is("NOT COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) \
         AND inet_server_addr() IS NOT NULL AND inet_server_addr() <> '::1' \
         AND NOT inet_server_addr() <<= '127.0.0.0/8'")?;
    let has_tables = is("to_regclass('facts') IS NOT NULL")?;
    let has_state = is("to_regclass('kv') IS NOT NULL")?;
    let is_unicode = is("current_setting('server_encoding') = 'UTF8'")?;
    let epoch: f64 =
        select(sql::<Double>("EXTRACT(EPOCH FROM clock_timestamp())::float8")).get_result(conn)?;
    Ok(Survey {
        engine: format!("PostgreSQL {version}"),
        takes_writes,
        is_durable,
        is_open,
        now: Some(OffsetDateTime::UNIX_EPOCH + Duration::seconds_f64(epoch)),
        has_tables,
        has_state,
        is_unicode,
    })
}

/// Number of rows of each kind with a time in the future, from a clock that ran ahead. Kinds without any are left out.
pub fn ahead(conn: &mut Conn, now: OffsetDateTime) -> Result<Vec<(&'static str, i64)>, DbError> {
    let latest = (now + AHEAD).unix_timestamp();
    let keys = signing_keys::table.filter(signing_keys::state.ne("destroyed"));
    let apps = clients::table.filter(clients::updated_at.gt(latest).or(clients::created_at.gt(latest)));
    let found = [
        ("people", users::table.filter(users::updated_at.gt(latest)).count().get_result(conn)?),
        ("applications", apps.count().get_result(conn)?),
        ("consents", consents::table.filter(consents::used_at.gt(latest)).count().get_result(conn)?),
        ("signing keys", keys.filter(signing_keys::since.gt(latest)).count().get_result(conn)?),
        ("sessions owed an end", endings::table.filter(endings::since.gt(latest)).count().get_result(conn)?),
        ("events", events::table.filter(events::at.gt(latest)).count().get_result(conn)?),
    ];
    Ok(found.into_iter().filter(|(_, count): &(_, i64)| *count > 0).collect())
}
