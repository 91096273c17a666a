//! Databases. The URL's scheme chooses the backend; there is no fallback. A unit of work that may wait for a network or
//! a disk runs beside the request threads, after one hop. What the embedded engine answers from memory runs in the
//! calling thread, because a hop would cost more than the work.

mod checkpoint; // of the embedded engine, beside the requests
mod conn; // one connection, to either backend
mod fault; // errors, and which of them pass
pub mod fixed; // statements prepared once
pub mod metrics; // durations, errors, statements, connections
mod migrate; // migrations
mod pool; // leases of connections
mod pooler; // refuses a pooler in transaction mode
mod side; // one hop beside the request threads
mod transaction; // begin, commit, roll back
mod url; // database URLs

use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::sql_types::Bool;
use diesel::{RunQueryDsl, select};
use diesel_migrations::EmbeddedMigrations;

use crate::files::make_private_file;

pub use conn::{Conn, Durability};
pub use fault::{DbError, passing};
pub use url::Url;

use self::metrics::{Ended, OperationMetrics, StoreMetrics};
use conn::{StatementCount, connect};
use fault::{classified, is_lost, leads_nowhere, unavailable};
use pool::{Lease, Pool};
use side::Side;
use transaction::{begin, end};

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

/// A database: many readers, and on SQLite exactly one writer. Waiting for a permit holds no thread.
#[derive(Clone)]
pub struct Db {
    url: Url,
    durability: Durability,
    read: Side,
    write: Side,
    /// A connection for checkpoints; none where the engine makes them by itself.
    checkpoints: Option<Side>,
    measured: StoreMetrics,
    statements: StatementCount,
}

/// The connections of one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// What they are for: `read`, `write`, or `all`.
    pub pool: &'static str,
    /// Connections that are leased.
    pub in_use: u32,
    /// Open connections that are not leased.
    pub idle: u32,
}

impl Db {
    /// Opens the database, runs pending migrations under a lock, and returns it ready to use.
    /// Blocks: for start-up and the command line.
    pub fn open(url: &Url, durability: Durability, migrations: EmbeddedMigrations) -> Result<Db, DbError> {
        if let Url::Sqlite(path) = url {
            make_private_file(path).map_err(|error| unavailable(url, &error))?;
        }
        let db = Db::attach(url, durability);
        db.refuse_pooler()?;
        db.migrate_now(migrations)?;
        Ok(db)
    }

    /// Prepares a database without connecting to it and without migrations: for commands that only read.
    pub fn attach(url: &Url, durability: Durability) -> Db {
        let statements = StatementCount::default();
        let side = |size: u32, read_only: bool| {
            let (url, statements) = (url.clone(), statements.clone());
            let open = move || connect(&url, durability, read_only).map(|conn| statements.count(conn));
            Side::new(Pool::new(size, open), size)
        };
        let checkpoints = matches!((url, durability), (Url::Sqlite(_), Durability::Process));
        let checkpoints = checkpoints.then(|| side(1, false));
        let shared = |size| {
            let shared = side(size, false);
            (shared.clone(), shared)
        };
        let (read, write) = match (url, durability) {
            (Url::Sqlite(_), Durability::Power) => (side(4, true), side(1, false)),
            // Every write of one connection makes all others forget the pages they hold.
            (Url::Sqlite(_), Durability::Process) => shared(1),
            (Url::Postgres(_), _) => shared(8),
        };
        Db {
            url: url.clone(),
            durability,
            read,
            write,
            checkpoints,
            measured: StoreMetrics::default(),
            statements,
        }
    }

    /// The same database, whose operations count as those of this store.
    pub fn measured(self, measured: StoreMetrics) -> Db {
        Db { measured, ..self }
    }

    /// Number of statements sent so far, those that begin and end transactions included.
    pub fn statements(&self) -> u64 {
        self.statements.so_far()
    }

    /// The connections at this moment.
    pub fn connections(&self) -> Vec<Connections> {
        let of = |pool, side: &Side| {
            let (in_use, idle) = side.pool.counts();
            Connections { pool, in_use, idle }
        };
        if self.is_embedded() && self.durability == Durability::Power {
            vec![of("read", &self.read), of("write", &self.write)]
        } else {
            vec![of("all", &self.read)]
        }
    }

    /// The database's URL without its password.
    pub fn shown_url(&self) -> String {
        self.url.shown()
    }

    /// Tells whether this is the embedded engine.
    pub fn is_embedded(&self) -> bool {
        matches!(self.url, Url::Sqlite(_))
    }

    /// Asks whether the database answers and takes writes. A `PostgreSQL` standby takes none.
    pub async fn takes_writes(&self) -> Result<bool, DbError> {
        self.read(|conn| match conn {
            // Reads from the file; `SELECT 1` would not.
            Conn::Sqlite(c) => Ok(c.batch_execute("SELECT 1 FROM sqlite_schema LIMIT 1").map(|()| true)?),
            Conn::Pg(c) => Ok(select(sql::<Bool>("NOT pg_is_in_recovery()")).get_result(c)?),
        })
        .await
    }

    /// Runs one unit of reading. It is run again on a new connection if the first connection turns out to be lost.
    pub async fn read<T, F>(&self, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, DbError> + Clone + Send + 'static,
    {
        let begun = Instant::now();
        let done = if self.is_embedded() {
            self.read_now(work)
        } else {
            let db = self.clone();
            self.hop(&self.read, move || db.read_now(work)).await
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
            let db = self.clone();
            self.hop(&self.write, move || db.write_now(work)).await
        };
        count(&self.measured.write, begun, &done);
        done
    }

    /// Runs one statement that writes, which is a transaction by itself.
    pub async fn write_one<T, F>(&self, statement: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, DbError> + Send + 'static,
    {
        // On a server `BEGIN` tells whether the connection is still alive; at that point a retry on another connection
        // is harmless.
        if !self.is_embedded() || self.durability == Durability::Power {
            return self.write(statement).await;
        }
        let begun = Instant::now();
        let done = self.take(&self.write).and_then(|mut lease| {
            let done = statement(lease.conn());
            self.done(lease, done)
        });
        count(&self.measured.write, begun, &done);
        done
    }

    /// [`Db::read`] on the calling thread, for start-up and the command line.
    pub fn read_now<T>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, DbError> + Clone,
    ) -> Result<T, DbError> {
        let mut lease = self.take(&self.read)?;
        if lease.reused {
            let done = work.clone()(lease.conn());
            if !done.as_ref().is_err_and(is_lost) {
                return self.done(lease, done);
            }
            lease.throw_away();
            lease = self.take(&self.read)?;
        }
        let done = work(lease.conn());
        self.done(lease, done)
    }

    /// [`Db::write`] on the calling thread, for start-up and the command line.
    pub fn write_now<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T, DbError>) -> Result<T, DbError> {
        let mut lease = self.take(&self.write)?;
        let mut begun = begin(lease.conn());
        if lease.reused && begun.as_ref().is_err_and(is_lost) {
            lease.throw_away();
            lease = self.take(&self.write)?;
            begun = begin(lease.conn());
        }
        let done = begun.and_then(|()| end(lease.conn(), work));
        self.done(lease, done)
    }

    fn take(&self, side: &Side) -> Result<Lease, DbError> {
        side.pool.take().map_err(|cause| unavailable(&self.url, &cause))
    }

    /// Gives the connection back, or closes it if the outcome of its work says that it is of no more use.
    fn done<T>(&self, lease: Lease, done: Result<T, DbError>) -> Result<T, DbError> {
        if done.as_ref().is_err_and(leads_nowhere) {
            lease.throw_away();
        } else {
            lease.give_back();
        }
        done.map_err(|error| classified(&self.url, error))
    }

    async fn hop<T, F>(&self, side: &Side, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, DbError> + Send + 'static,
    {
        side.hop(work).await.unwrap_or_else(|cause| Err(unavailable(&self.url, &cause)))
    }
}

/// Counts an operation. A violated uniqueness rule and a deliberate rollback are no failures.
fn count<T>(operation: &OperationMetrics, begun: Instant, done: &Result<T, DbError>) {
    operation.ended(
        begun,
        match done {
            Err(DbError::Unreachable { .. }) => Ended::Unreachable,
            Err(error) if !error.is_conflict() && !error.was_taken_back() => Ended::Failed,
            _ => Ended::Done,
        },
    );
}
