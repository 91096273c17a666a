//! Connections: the backend is chosen by the URL's scheme, never by trial. A unit of work that may wait,
//! for a network or for a disk to settle, runs in one hop beside the request threads; what the embedded
//! engine answers from memory runs where it is asked for, because the hop would cost more than the work.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::dsl::sql;
use diesel::r2d2::{self, ManageConnection, Pool};
use diesel::result::DatabaseErrorKind::{ClosedConnection, UnableToSendCommand, UniqueViolation};
use diesel::result::Error::DatabaseError;
use diesel::sql_types::Bool;
use diesel::{Connection, PgConnection, RunQueryDsl, SqliteConnection, select};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};
use tokio::sync::Semaphore;

use crate::files::make_private_file;
use crate::telemetry::metrics::{Ended, Operation, Store};

pub use conn::Conn;

mod conn {
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

/// Compiles one expression for each backend: for upserts, which diesel cannot write for both at once.
macro_rules! each {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::db::Conn::Pg($c) => $body,
            $crate::db::Conn::Sqlite($c) => $body,
        }
    };
}
pub(crate) use each;

/// Where rows live; its `Debug` form, like its messages, is without a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Url {
    /// `sqlite:PATH`
    Sqlite(PathBuf),
    /// `postgres://…`, with its credentials: never shown whole.
    Postgres(String),
}

impl Url {
    /// Reads a database URL; says what is wrong with it without repeating a password.
    pub fn parse(text: &str) -> Result<Url, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() {
                Err("sqlite: needs a path".into())
            } else {
                Ok(Url::Sqlite(path.into()))
            };
        }
        match url::Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") => Ok(Url::Postgres(text.into())),
            Ok(url) => Err(format!("{}: is neither sqlite:PATH nor postgres://…", url.scheme())),
            Err(_) => Err("it is neither sqlite:PATH nor postgres://…".into()),
        }
    }

    /// The URL without its password, for messages.
    pub fn shown(&self) -> String {
        match self {
            Url::Sqlite(path) => format!("sqlite:{}", path.display()),
            Url::Postgres(text) => url::Url::parse(text).map_or_else(
                |_| "postgres://…".into(),
                |url| {
                    let host = url.host_str().unwrap_or_default();
                    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                    format!("postgres://{host}{port}{}", url.path())
                },
            ),
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// How much a commit must survive: a power cut, or only the death of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// `synchronous=FULL`: a revocation or a key survives power loss.
    Power,
    /// `synchronous=NORMAL`: sessions and codes survive a crash of the process.
    Process,
}

/// Why a unit of work did not happen.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No connection could be had, it broke, or others held the database for too long: trying again later
    /// may do. If the connection broke at the end of a unit of writing, that one may have been done.
    #[error("the database {url} cannot be reached: {cause}")]
    Unreachable {
        /// The database, without its password.
        url: String,
        /// What the driver said.
        cause: String,
    },
    /// The database refused or failed the statement.
    #[error("database: {0}")]
    Query(#[from] diesel::result::Error),
    /// A row holds what this version cannot read, or the worker thread died.
    #[error("database: {0}")]
    Broken(String),
}

/// What SQLite says when somebody held the lock longer than the busy time-out; the code is not passed on.
const SQLITE_BUSY: &str = "database is locked";

impl DbError {
    /// Tells whether a uniqueness rule was violated: somebody else was first.
    pub fn is_conflict(&self) -> bool {
        matches!(self, DbError::Query(DatabaseError(UniqueViolation, _)))
    }
}

struct Manager {
    url: Url,
    durability: Durability,
    read_only: bool,
}

impl ManageConnection for Manager {
    type Connection = Conn;
    type Error = r2d2::Error;

    fn connect(&self) -> Result<Conn, r2d2::Error> {
        match &self.url {
            Url::Postgres(url) => {
                PgConnection::establish(url).map(Conn::Pg).map_err(r2d2::Error::ConnectionError)
            }
            Url::Sqlite(path) => {
                let name = path.to_string_lossy();
                let mut conn = SqliteConnection::establish(&name).map_err(r2d2::Error::ConnectionError)?;
                // Another process, a command line, may be at work in the same file; a request thread must
                // not wait for it for long.
                let (synchronous, patience) = match self.durability {
                    Durability::Power => ("FULL", 5000),
                    Durability::Process => ("NORMAL", 1000),
                };
                conn.batch_execute(&format!(
                    "PRAGMA busy_timeout = {patience}; PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; \
                     PRAGMA foreign_keys = ON; PRAGMA query_only = {};",
                    if self.read_only { "ON" } else { "OFF" }
                ))
                .map_err(r2d2::Error::QueryError)?;
                Ok(Conn::Sqlite(conn))
            }
        }
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), r2d2::Error> {
        conn.batch_execute("SELECT 1").map_err(r2d2::Error::QueryError)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        std::thread::panicking() || each!(conn, |c| AnsiTransactionManager::is_broken_transaction_manager(c))
    }
}

/// A database: many readers, and on SQLite exactly one writer that waits without holding a thread.
#[derive(Clone)]
pub struct Db {
    url: Url,
    durability: Durability,
    read: Pool<Manager>,
    write: Pool<Manager>,
    writers: Arc<Semaphore>,
    measured: Store,
}

/// The connections of one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// What they are for: `read`, `write`, or `all`.
    pub pool: &'static str,
    /// Doing something.
    pub in_use: u32,
    /// Open and waiting.
    pub idle: u32,
}

impl Db {
    /// Opens the pools, runs pending migrations under a lock, and returns the database ready to use.
    /// Blocks: for start-up and the command line.
    pub fn open(url: &Url, durability: Durability, migrations: EmbeddedMigrations) -> Result<Db, DbError> {
        if let Url::Sqlite(path) = url {
            make_private_file(path).map_err(|error| unreachable(url, &error))?;
        }
        let pool = |size: u32, read_only: bool| {
            Pool::builder()
                .max_size(size)
                .min_idle(Some(0))
                .test_on_check_out(false)
                .connection_timeout(Duration::from_secs(3))
                .error_handler(Box::new(r2d2_log::Quiet))
                .build_unchecked(Manager { url: url.clone(), durability, read_only })
        };
        let shared = |size: u32| {
            let shared = pool(size, false);
            (shared.clone(), shared, size)
        };
        let (read, write, writers) = match (url, durability) {
            (Url::Sqlite(_), Durability::Power) => (pool(4, true), pool(1, false), 1),
            // Every write of one connection makes all others forget the pages they hold.
            (Url::Sqlite(_), Durability::Process) => shared(1),
            (Url::Postgres(_), _) => shared(8),
        };
        let writers = Arc::new(Semaphore::new(writers as usize));
        let measured = Store::default();
        let db = Db { url: url.clone(), durability, read, write, writers, measured };
        db.migrate_now(migrations)?;
        Ok(db)
    }

    /// The same database, whose operations count as those of this store.
    pub fn measured(self, measured: Store) -> Db {
        Db { measured, ..self }
    }

    /// The connections at this moment.
    pub fn connections(&self) -> Vec<Connections> {
        let of = |pool, connections: &Pool<Manager>| {
            let state = connections.state();
            let in_use = state.connections.saturating_sub(state.idle_connections);
            Connections { pool, in_use, idle: state.idle_connections }
        };
        if self.is_embedded() {
            vec![of("read", &self.read), of("write", &self.write)]
        } else {
            vec![of("all", &self.read)]
        }
    }

    /// Runs further migrations in an open database.
    pub fn migrate_now(&self, migrations: EmbeddedMigrations) -> Result<(), DbError> {
        self.write_now(|conn| migrate(conn, migrations))
    }

    /// The database's URL without its password.
    pub fn shown_url(&self) -> String {
        self.url.shown()
    }

    /// Tells whether this is the embedded engine.
    pub fn is_embedded(&self) -> bool {
        matches!(self.url, Url::Sqlite(_))
    }

    /// Asks whether it is there and takes writes: a `PostgreSQL` that follows another one does not.
    pub async fn takes_writes(&self) -> Result<bool, DbError> {
        self.read(|conn| match conn {
            // Reads from the file, as `SELECT 1` would not.
            Conn::Sqlite(c) => Ok(c.batch_execute("SELECT 1 FROM sqlite_schema LIMIT 1").map(|()| true)?),
            Conn::Pg(c) => Ok(select(sql::<Bool>("NOT pg_is_in_recovery()")).get_result(c)?),
        })
        .await
    }

    /// Runs one unit of reading.
    pub async fn read<T, F>(&self, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, DbError> + Send + 'static,
    {
        let begun = Instant::now();
        let done = if self.is_embedded() {
            self.read_now(work)
        } else {
            let db = self.clone();
            hop(move || db.read_now(work)).await
        };
        count(&self.measured.read, begun, &done);
        done
    }

    /// Runs one unit of writing in a transaction; an error rolls it back.
    pub async fn write<T, F>(&self, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, DbError> + Send + 'static,
    {
        let begun = Instant::now();
        let done = if self.is_embedded() && self.durability == Durability::Process {
            self.write_now(work)
        } else {
            let turn = Arc::clone(&self.writers).acquire_owned().await;
            let db = self.clone();
            hop(move || {
                let done = db.write_now(work);
                drop(turn);
                done
            })
            .await
        };
        count(&self.measured.write, begun, &done);
        done
    }

    /// [`Db::read`] on the calling thread, for start-up and the command line.
    pub fn read_now<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T, DbError>) -> Result<T, DbError> {
        let mut conn = self.read.get().map_err(|error| unreachable(&self.url, &error))?;
        work(&mut conn).map_err(|error| self.told_apart(error))
    }

    /// [`Db::write`] on the calling thread, for start-up and the command line.
    pub fn write_now<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T, DbError>) -> Result<T, DbError> {
        let mut conn = self.write.get().map_err(|error| unreachable(&self.url, &error))?;
        in_transaction(&mut conn, work).map_err(|error| self.told_apart(error))
    }

    /// Tells what passes by itself, a broken connection or a lock held by others, from a failed statement.
    fn told_apart(&self, error: DbError) -> DbError {
        match &error {
            DbError::Query(DatabaseError(kind, cause))
                if matches!(kind, ClosedConnection | UnableToSendCommand)
                    || (self.is_embedded() && cause.message() == SQLITE_BUSY) =>
            {
                unreachable(&self.url, &cause.message())
            }
            _ => error,
        }
    }
}

/// A violated uniqueness rule is an answer like any other.
fn count<T>(operation: &Operation, begun: Instant, done: &Result<T, DbError>) {
    operation.ended(
        begun,
        match done {
            Err(DbError::Unreachable { .. }) => Ended::Unreachable,
            Err(error) if !error.is_conflict() => Ended::Failed,
            _ => Ended::Done,
        },
    );
}

#[expect(clippy::disallowed_methods, reason = "every unit of work makes its one hop here")]
async fn hop<T, F>(work: F) -> Result<T, DbError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, DbError> + Send + 'static,
{
    // What is written down meanwhile belongs to the request that asked.
    let request = tracing::Span::current();
    web::block(move || request.in_scope(work)).await.map_err(|error| DbError::Broken(error.to_string()))?
}

/// SQLite must take its write lock at once: a transaction that reads first and writes later can fail
/// with "busy" and no time-out helps.
fn in_transaction<T>(
    conn: &mut Conn,
    work: impl FnOnce(&mut Conn) -> Result<T, DbError>,
) -> Result<T, DbError> {
    match conn {
        Conn::Pg(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN")?,
        Conn::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")?,
    }
    match work(conn) {
        Ok(value) => {
            each!(conn, |c| AnsiTransactionManager::commit_transaction(c)?);
            Ok(value)
        }
        Err(error) => {
            let rolled_back = each!(conn, |c| AnsiTransactionManager::rollback_transaction(c));
            if let Err(also) = rolled_back {
                tracing::warn!(error = %also, "a failed transaction cannot be rolled back");
            }
            Err(error)
        }
    }
}

/// Several nodes may start at once: on PostgreSQL an advisory lock, on SQLite the writer's own lock
/// lets one migrate while the others wait.
fn migrate(conn: &mut Conn, migrations: EmbeddedMigrations) -> Result<(), DbError> {
    if let Conn::Pg(pg) = conn {
        pg.batch_execute("SELECT pg_advisory_xact_lock(4811200)")?;
    }
    let done = each!(conn, |c| c.run_pending_migrations(migrations).map(|_| ()));
    done.map_err(|error| DbError::Broken(format!("migration failed: {error}")))
}

fn unreachable(url: &Url, cause: &impl ToString) -> DbError {
    DbError::Unreachable { url: url.shown(), cause: cause.to_string() }
}

mod r2d2_log {
    use diesel::r2d2::{self, HandleError};

    /// The pool's background errors come back to the caller as well: once in the log is enough.
    #[derive(Debug)]
    pub(super) struct Quiet;

    impl HandleError<r2d2::Error> for Quiet {
        fn handle_error(&self, error: r2d2::Error) {
            tracing::debug!(%error, "a database connection failed");
        }
    }
}
