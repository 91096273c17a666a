//! Errors of a unit of work, and what they mean for its connection.

use diesel::result::DatabaseErrorInformation;
use diesel::result::DatabaseErrorKind::{
    ClosedConnection, ForeignKeyViolation, ReadOnlyTransaction, SerializationFailure, UnableToSendCommand,
    UniqueViolation, Unknown,
};
use diesel::result::Error::{DatabaseError, RollbackTransaction};

use super::Url;

/// Why a unit of work failed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No connection, a lost connection, a lock held for too long, or no space left: a retry later may succeed. If the
    /// connection was lost at the end of a unit of writing, or its answer came too late, it may have been committed.
    #[error("the database {url} is not available: {cause}")]
    Unreachable {
        /// The database, without its password.
        url: String,
        /// What the driver said.
        cause: String,
    },
    /// The database refused or failed the statement.
    #[error("database: {0}")]
    Query(#[from] diesel::result::Error),
    /// A row cannot be read by this version, or the worker thread died.
    #[error("database: {0}")]
    Broken(String),
}

/// Error messages of conditions that pass, by themselves or after the operator has followed the advice. Messages are
/// compared, because diesel hands on few of the codes. For SQLite this list decides; for PostgreSQL, whose messages may be
/// in another language, it adds the advice only ([`finds_fault`] decides).
const PASSES: [(&str, &str); 35] = [
    // SQLite: BUSY, LOCKED and PROTOCOL, FULL, IOERR, CANTOPEN, READONLY, NOMEM.
    ("database is locked", "another program holds it"),
    ("database table is locked", "another program holds it"),
    ("database schema is locked", "another program holds it"),
    ("locking protocol", "another program holds it"),
    (
        "database or disk is full",
        "make room on its disk; what was answered is kept, and no restart is needed",
    ),
    ("disk I/O error", "look for a full or failing disk, a quota or a limit on the size of files"),
    ("unable to open database file", "look for a full disk, and at the owner of the file and its folder"),
    ("attempt to write a readonly database", "look at the owner of the file and at how its disk is mounted"),
    // PostgreSQL, class 53: resources; 53100, 53200, 53300, 53400.
    ("No space left on device", "make room on the server's disk; no restart is needed"),
    ("out of memory", "give it more memory, or ask less of it at once"),
    ("out of shared memory", "raise max_locks_per_transaction on the server"),
    ("too many clients already", "raise max_connections on the server, or run fewer nodes"),
    ("remaining connection slots are reserved", "raise max_connections on the server, or run fewer nodes"),
    ("too many connections for", "raise the limit of this role or database"),
    ("temporary file size exceeds temp_file_limit", "raise temp_file_limit for this role"),
    // Class 57: intervention; 57014, 57P01, 57P02, 57P03, 57P05. Class 25: 25P03, 25P04.
    ("canceling statement due to", "the server or its operator ended the statement"),
    ("terminating connection", "the server or its operator ended the connection"),
    ("the database system is", "it is starting, stopping or recovering"),
    // Class 40: 40P01. Class 55: 55P03.
    ("deadlock detected", "it goes away when the request is made again"),
    ("could not obtain lock", "another transaction holds it"),
    // Class 25: 25006, where it is not told by its code.
    ("in a read-only transaction", "the server follows another one, or takes no writes"),
    ("during recovery", "the server follows another one"),
    // Class 58 and files: 58030.
    ("could not extend file", "look at the server's disk"),
    ("could not write", "look at the server's disk"),
    ("could not read block", "look at the server's disk"),
    ("could not fsync", "look at the server's disk"),
    ("could not open file", "look at the server's disk and its limit of open files"),
    ("could not resize shared memory", "give the server more shared memory"),
    ("could not create file", "look at the server's disk and memory"),
    // PgBouncer.
    ("query_wait_timeout", "the pooler has no connection left"),
    ("client_login_timeout", "the pooler has no connection left"),
    ("no more connections allowed", "raise max_client_conn of the pooler"),
    ("pgbouncer is shutting down", "the pooler is being restarted"),
    ("pooler is shut down", "the pooler is being restarted"),
    ("pgbouncer cannot connect to server", "the pooler does not reach the server"),
];

/// The database's message with advice, if its condition passes.
pub fn passing(said: &str) -> Option<String> {
    let (_, advice) = PASSES.iter().find(|(words, _)| said.contains(words))?;
    Some(format!("{said} ({advice})"))
}

/// Messages of libpq for a lost connection, where diesel does not tell it from other failures.
const LOST: [&str; 8] = [
    "server closed the connection", "could not receive data from server", "could not send data to server",
    "no connection to the server", "SSL connection has been closed", "terminating connection",
    "pgbouncer is shutting down", "server conn crashed",
];

impl DbError {
    /// Tells whether a uniqueness rule was violated: another transaction was first.
    pub fn is_conflict(&self) -> bool {
        matches!(self, DbError::Query(DatabaseError(UniqueViolation, _)))
    }

    /// Tells whether a row refers to one that does not exist.
    pub fn lacks_parent(&self) -> bool {
        matches!(self, DbError::Query(DatabaseError(ForeignKeyViolation, _)))
    }

    /// Tells whether a unit of work was rolled back on purpose.
    pub fn was_taken_back(&self) -> bool {
        matches!(self, DbError::Query(RollbackTransaction))
    }
}

/// Tells whether the connection is lost.
pub(super) fn is_lost(error: &DbError) -> bool {
    match error {
        DbError::Query(DatabaseError(ClosedConnection | UnableToSendCommand, _)) => true,
        DbError::Query(DatabaseError(Unknown, cause)) => {
            LOST.iter().any(|said| cause.message().contains(said))
        }
        _ => false,
    }
}

/// Tells whether the connection is of no more use: it is lost, or its server became a standby.
pub(super) fn leads_nowhere(error: &DbError) -> bool {
    is_lost(error) || matches!(error, DbError::Query(DatabaseError(ReadOnlyTransaction, _)))
}

/// Sorts an error: conditions that pass become [`DbError::Unreachable`], failed statements stay what they are.
pub(super) fn classified(url: &Url, error: DbError) -> DbError {
    let DbError::Query(DatabaseError(kind, cause)) = &error else { return error };
    let said = cause.message();
    match (kind, passing(said)) {
        (SerializationFailure, _) => unavailable(url, &one_line(said)),
        _ if leads_nowhere(&error) => unavailable(url, &one_line(said)),
        (Unknown, Some(advised)) => unavailable(url, &one_line(&advised)),
        (Unknown, None) if matches!(url, Url::Postgres(_)) && !finds_fault(cause.as_ref()) => {
            unavailable(url, &one_line(said))
        }
        _ => error,
    }
}

/// Tells whether PostgreSQL rejects the statement itself, in any language: the error then has a position. Diesel knows
/// violated constraints by their codes. Other errors without a position are about the server (memory, disk, operator,
/// other transactions), so that a retry may succeed. A missing privilege has no position either; it is recognised by its
/// words.
fn finds_fault(refusal: &(dyn DatabaseErrorInformation + Send + Sync)) -> bool {
    refusal.statement_position().is_some() || refusal.message().starts_with("permission denied")
}

pub(super) fn unavailable(url: &Url, cause: &impl ToString) -> DbError {
    DbError::Unreachable { url: url.shown(), cause: cause.to_string() }
}

/// The reason why a file cannot be opened, with advice.
pub(super) fn unopened(said: &impl ToString) -> String {
    let said = said.to_string();
    match passing(&said) {
        Some(advised) => advised,
        None if said.contains("file is not a database") => format!("{said} (is this the right path?)"),
        None => said,
    }
}

/// A message of libpq on one line. A message about a URL that it cannot parse is replaced, because it may contain a
/// password.
pub(super) fn one_line(said: &str) -> String {
    if said.contains("://") {
        return "its address cannot be read".into();
    }
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ")
}
