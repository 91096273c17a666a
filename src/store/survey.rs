//! What an operator should know of a database; looks and changes nothing.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Double, Text};
use diesel::{PgConnection, SqliteConnection, select};
use time::{Duration, OffsetDateTime};

use crate::db::{Conn, DbError};

/// What was found.
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub struct Survey {
    /// The engine and its version.
    pub engine: String,
    /// Whether it takes writes.
    pub takes_writes: bool,
    /// Whether what was committed survives a power cut.
    pub is_durable: bool,
    /// Whether others could read along: the connection goes to another machine and is not encrypted.
    pub is_open: bool,
    /// What its clock says; `None` when it has none of its own.
    pub now: Option<OffsetDateTime>,
    /// Whether our tables are there.
    pub has_tables: bool,
}

/// Looks at the database behind a connection.
pub fn survey(conn: &mut Conn) -> Result<Survey, DbError> {
    match conn {
        Conn::Sqlite(conn) => of_sqlite(conn),
        Conn::Pg(conn) => of_postgres(conn),
    }
}

fn of_sqlite(conn: &mut SqliteConnection) -> Result<Survey, DbError> {
    let version: String = select(sql::<Text>("sqlite_version()")).get_result(conn)?;
    let tables = "EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'facts')";
    Ok(Survey {
        engine: format!("SQLite {version}"),
        takes_writes: true,
        is_durable: true,
        is_open: false,
        now: None,
        has_tables: select(sql::<Bool>(tables)).get_result(conn)?,
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
    let epoch: f64 =
        select(sql::<Double>("EXTRACT(EPOCH FROM clock_timestamp())::float8")).get_result(conn)?;
    Ok(Survey {
        engine: format!("PostgreSQL {version}"),
        takes_writes,
        is_durable,
        is_open,
        now: Some(OffsetDateTime::UNIX_EPOCH + Duration::seconds_f64(epoch)),
        has_tables,
    })
}
