//! One connection, to either backend.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::{InstrumentationEvent, SimpleConnection};
use diesel::{Connection, PgConnection, QueryResult, SqliteConnection};

use super::fault::{one_line, unopened};
use super::url::with_defaults;
use super::{Url, each};

pub use either::Conn;

mod either {
    use diesel::{PgConnection, SqliteConnection};

    /// One connection to either backend; queries are written once and run on both.
    #[derive(diesel::MultiConnection)]
    pub enum Conn {
        /// `PostgreSQL` through libpq.
        Pg(PgConnection),
        /// The embedded engine.
        Sqlite(SqliteConnection),
    }
}

/// What a commit must survive: a power cut, or only the end of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// `synchronous=FULL`: a revocation or a key survives power loss.
    Power,
    /// `synchronous=NORMAL`: sessions and codes survive a crash of the process.
    Process,
}

/// Number of statements sent over all connections of a database, the ends of transactions included.
#[derive(Clone, Default)]
pub(super) struct StatementCount(Arc<AtomicU64>);

impl StatementCount {
    /// Counts every statement of a connection from now on.
    pub(super) fn count(&self, mut conn: Conn) -> Conn {
        let StatementCount(sent) = self.clone();
        each!(&mut conn, |c| c.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { .. } = event {
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }));
        conn
    }

    pub(super) fn so_far(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Opens a connection. The error contains no password.
pub(super) fn connect(url: &Url, durability: Durability, read_only: bool) -> Result<Conn, String> {
    match url {
        Url::Postgres(url) => {
            let conn = PgConnection::establish(&with_defaults(url));
            conn.map(Conn::Pg).map_err(|error| one_line(&error.to_string()))
        }
        Url::Sqlite(path) => {
            let name = path.to_string_lossy();
            let mut conn = SqliteConnection::establish(&name).map_err(|error| unopened(&error))?;
            // The busy time-out of the state file is short: another process may hold the file's lock, and a request
            // thread must not wait long for it. The state file is written on request threads, so its log is copied
            // into the file beside them (`checkpoint`); a writer does it only when that was not done for long. Its
            // cache is large, because one connection does all the work. Sizes are in pages of 4 KiB.
            let (synchronous, patience, log, cache) = match durability {
                Durability::Power => ("FULL", 5000, 1000, 500),
                Durability::Process => ("NORMAL", 1000, 32_000, 2500),
            };
            let query_only = if read_only { "ON" } else { "OFF" };
            conn.batch_execute(&format!(
                "PRAGMA busy_timeout = {patience}; PRAGMA synchronous = {synchronous}; \
                 PRAGMA wal_autocheckpoint = {log}; PRAGMA cache_size = {cache}; \
                 PRAGMA foreign_keys = ON; PRAGMA query_only = {query_only};"
            ))
            .map_err(|error| unopened(&error))?;
            turn_on_log(&mut conn, Duration::from_millis(patience)).map_err(|error| unopened(&error))?;
            Ok(Conn::Sqlite(conn))
        }
    }
}

/// Turns on the write-ahead log, with retries: of several processes that do so on a new file at the same moment SQLite
/// refuses all but one at once, whatever the busy time-out is.
fn turn_on_log(conn: &mut SqliteConnection, patience: Duration) -> QueryResult<()> {
    let begun = Instant::now();
    loop {
        match conn.batch_execute("PRAGMA journal_mode = WAL") {
            Err(error) if begun.elapsed() < patience && error.to_string().contains("is locked") => {
                thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}
