//! The floor of whatever has to last: one row changed and committed, by the same engine, with nothing around it.

use std::fs;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection, sql_query};

/// How often it is done.
const TIMES: u32 = 500;

/// Commits with these statements around them, so that each commit is durable as those of the provider are.
const DURABLE: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS floor (id INTEGER PRIMARY KEY, n BIGINT NOT NULL)";
const ROW: &str = "INSERT INTO floor (id, n) VALUES (1, 0) ON CONFLICT (id) DO NOTHING";
const CHANGE: &str = "UPDATE floor SET n = n + 1 WHERE id = 1";

/// In SQLite, in a file of its own.
pub fn in_sqlite(file: &str) -> Duration {
    let mut conn = SqliteConnection::establish(file).expect("a file");
    conn.batch_execute(DURABLE).expect("settings");
    change(&mut conn, Duration::default)
}

/// In PostgreSQL; `servers` is the processor time of its processes.
pub fn in_postgres(url: &str, servers: impl Fn() -> Duration) -> Duration {
    change(&mut PgConnection::establish(url).expect("a server"), servers)
}

fn change<C>(conn: &mut C, servers: impl Fn() -> Duration) -> Duration
where
    C: diesel::connection::LoadConnection,
    diesel::query_builder::SqlQuery: diesel::query_dsl::methods::ExecuteDsl<C>,
{
    for statement in [TABLE, ROW, CHANGE] {
        sql_query(statement).execute(conn).expect("a statement");
    }
    let (before, begun) = (spent(), servers());
    for _ in 0..TIMES {
        sql_query(CHANGE).execute(conn).expect("a commit");
    }
    (spent().saturating_sub(before) + servers().saturating_sub(begun)) / TIMES
}

/// The processor time of this thread.
pub fn spent() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(stat.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds"))
}
