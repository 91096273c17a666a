//! Why a unit of work did not happen, and what follows for the connection it was tried on.

use diesel::result::DatabaseErrorInformation;
use diesel::result::DatabaseErrorKind::{
    ClosedConnection, ReadOnlyTransaction, SerializationFailure, UnableToSendCommand, UniqueViolation,
    Unknown,
};
use diesel::result::Error::{DatabaseError, RollbackTransaction};

use super::Url;

/// Why a unit of work did not happen.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No connection could be had, it broke, others held the database for too long, or there is no room
    /// left: trying again later may do. If the connection broke at the end of a unit of writing, or its
    /// answer was not waited for, that one may have been done.
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
    /// A row holds what this version cannot read, or the worker thread died.
    #[error("database: {0}")]
    Broken(String),
}

/// What passes by itself, or once the operator has done what is said here, by the databases' own words: diesel hands on
/// few of the codes. SQLite has these words alone; of PostgreSQL, which may speak another language, what they add is the
/// advice ([`finds_fault`]).
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

/// The database's words with advice, if what they say passes.
pub fn passing(said: &str) -> Option<String> {
    let (_, advice) = PASSES.iter().find(|(words, _)| said.contains(words))?;
    Some(format!("{said} ({advice})"))
}

/// What libpq says of a connection that has died, where diesel does not tell this from other failures.
const LOST: [&str; 8] = [
    "server closed the connection", "could not receive data from server", "could not send data to server",
    "no connection to the server", "SSL connection has been closed", "terminating connection",
    "pgbouncer is shutting down", "server conn crashed",
];

impl DbError {
    /// Tells whether a uniqueness rule was violated: somebody else was first.
    pub fn is_conflict(&self) -> bool {
        matches!(self, DbError::Query(DatabaseError(UniqueViolation, _)))
    }

    /// Tells whether a unit of work was given up on purpose.
    pub fn was_taken_back(&self) -> bool {
        matches!(self, DbError::Query(RollbackTransaction))
    }
}

/// Tells whether the connection has died.
pub(super) fn is_lost(error: &DbError) -> bool {
    match error {
        DbError::Query(DatabaseError(ClosedConnection | UnableToSendCommand, _)) => true,
        DbError::Query(DatabaseError(Unknown, cause)) => {
            LOST.iter().any(|said| cause.message().contains(said))
        }
        _ => false,
    }
}

/// Tells whether the connection is of no more use: it has died, or leads to a server that became a standby.
pub(super) fn leads_nowhere(error: &DbError) -> bool {
    is_lost(error) || matches!(error, DbError::Query(DatabaseError(ReadOnlyTransaction, _)))
}

/// Tells what passes by itself from a failed statement.
pub(super) fn told_apart(url: &Url, error: DbError) -> DbError {
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

/// Tells whether PostgreSQL finds fault with the statement itself, in any language: it then points at the place. Diesel
/// knows the violations of rules by their codes; what else points at none is about the server (its memory, its disk, its
/// operator, other transactions), and the same statement may do later. So it may once a missing privilege is granted,
/// which is called what it is where the words say so.
fn finds_fault(refusal: &(dyn DatabaseErrorInformation + Send + Sync)) -> bool {
    refusal.statement_position().is_some() || refusal.message().starts_with("permission denied")
}

pub(super) fn unavailable(url: &Url, cause: &impl ToString) -> DbError {
    DbError::Unreachable { url: url.shown(), cause: cause.to_string() }
}

/// Why a file cannot be opened.
pub(super) fn unopened(said: &impl ToString) -> String {
    let said = said.to_string();
    match passing(&said) {
        Some(advised) => advised,
        None if said.contains("file is not a database") => format!("{said} (is this the right path?)"),
        None => said,
    }
}

/// What libpq says of several servers, on one line; about an address it cannot read it says too much.
pub(super) fn one_line(said: &str) -> String {
    if said.contains("://") {
        return "its address cannot be read".into();
    }
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ")
}
