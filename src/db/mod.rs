//! Connections: the backend is chosen by the URL's scheme, never by trial. A unit of work that may wait,
//! for a network or for a disk to settle, runs in one hop beside the request threads; what the embedded
//! engine answers from memory runs where it is asked for, because the hop would cost more than the work.

mod checkpoint; // of the embedded engine, beside the requests
mod conn; // one connection, to either backend
mod fault; // why something did not happen
pub mod fixed; // statements prepared once
pub mod metrics; // durations, errors, statements, connections
mod migrate; // making the tables
mod pool; // connections kept for the next
mod pooler; // what must not stand between
mod side; // turns at them, beside the request threads
mod transaction; // its beginning and its end
mod url; // where rows live

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
use conn::{Asked, connect};
use fault::{is_lost, leads_nowhere, told_apart, unavailable};
use pool::{Lent, Pool};
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

/// A database: many readers, and on SQLite exactly one writer. Nobody who waits holds a thread.
#[derive(Clone)]
pub struct Db {
    url: Url,
    durability: Durability,
    read: Side,
    write: Side,
    /// Where checkpoints are made; elsewhere the engine makes them by the way.
    checkpoints: Option<Side>,
    measured: StoreMetrics,
    asked: Asked,
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

    /// Prepares connections and makes none yet: for who only looks.
    pub fn attach(url: &Url, durability: Durability) -> Db {
        let asked = Asked::default();
        let side = |size: u32, read_only: bool| {
            let (url, asked) = (url.clone(), asked.clone());
            let open = move || connect(&url, durability, read_only).map(|conn| asked.count(conn));
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
            asked,
        }
    }

    /// The same database, whose operations count as those of this store.
    pub fn measured(self, measured: StoreMetrics) -> Db {
        Db { measured, ..self }
    }

    /// How many statements it was asked so far, those that begin and end transactions included.
    pub fn statements(&self) -> u64 {
        self.asked.so_far()
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

    /// Asks whether it is there and takes writes: a `PostgreSQL` that follows another one does not.
    pub async fn takes_writes(&self) -> Result<bool, DbError> {
        self.read(|conn| match conn {
            // Reads from the file, as `SELECT 1` would not.
            Conn::Sqlite(c) => Ok(c.batch_execute("SELECT 1 FROM sqlite_schema LIMIT 1").map(|()| true)?),
            Conn::Pg(c) => Ok(select(sql::<Bool>("NOT pg_is_in_recovery()")).get_result(c)?),
        })
        .await
    }

    /// Runs one unit of reading. It may be run twice: once more on a new connection, if the one it was
    /// begun on turns out to be dead.
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
        // On a server the beginning of a transaction finds out whether the connection is still alive, while
        // it does no harm to ask again on another one.
        if !self.is_embedded() || self.durability == Durability::Power {
            return self.write(statement).await;
        }
        let begun = Instant::now();
        let done = self.take(&self.write).and_then(|mut lent| {
            let done = statement(lent.conn());
            self.done(lent, done)
        });
        count(&self.measured.write, begun, &done);
        done
    }

    /// [`Db::read`] on the calling thread, for start-up and the command line.
    pub fn read_now<T>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, DbError> + Clone,
    ) -> Result<T, DbError> {
        let mut lent = self.take(&self.read)?;
        if lent.reused {
            let done = work.clone()(lent.conn());
            if !done.as_ref().is_err_and(is_lost) {
                return self.done(lent, done);
            }
            lent.throw_away();
            lent = self.take(&self.read)?;
        }
        let done = work(lent.conn());
        self.done(lent, done)
    }

    /// [`Db::write`] on the calling thread, for start-up and the command line.
    pub fn write_now<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T, DbError>) -> Result<T, DbError> {
        let mut lent = self.take(&self.write)?;
        let mut begun = begin(lent.conn());
        if lent.reused && begun.as_ref().is_err_and(is_lost) {
            lent.throw_away();
            lent = self.take(&self.write)?;
            begun = begin(lent.conn());
        }
        let done = begun.and_then(|()| end(lent.conn(), work));
        self.done(lent, done)
    }

    fn take(&self, side: &Side) -> Result<Lent, DbError> {
        side.pool.take().map_err(|cause| unavailable(&self.url, &cause))
    }

    /// Parts with a connection as the outcome of its work demands.
    fn done<T>(&self, lent: Lent, done: Result<T, DbError>) -> Result<T, DbError> {
        if done.as_ref().is_err_and(leads_nowhere) {
            lent.throw_away();
        } else {
            lent.give_back();
        }
        done.map_err(|error| told_apart(&self.url, error))
    }

    async fn hop<T, F>(&self, side: &Side, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, DbError> + Send + 'static,
    {
        side.hop(work).await.unwrap_or_else(|cause| Err(unavailable(&self.url, &cause)))
    }
}

/// A violated uniqueness rule is an answer like any other, and so is work that was taken back.
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
