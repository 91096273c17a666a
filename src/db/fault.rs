//! Why a unit of work did not happen, and what follows for the connection it was tried on.

use diesel::result::DatabaseErrorKind::{
    ClosedConnection, ReadOnlyTransaction, UnableToSendCommand, UniqueViolation, Unknown,
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

/// What passes by itself, or once the operator has done what is said here; diesel hands on no codes, so
/// the databases' own words have to do.
const PASSES: [(&str, &str); 6] = [
    ("database is locked", "another program holds it"),
    (
        "database or disk is full",
        "make room on its disk; what was answered is kept, and no restart is needed",
    ),
    ("No space left on device", "make room on the server's disk; no restart is needed"),
    ("disk I/O error", "look for a full or failing disk, a quota or a limit on the size of files"),
    ("unable to open database file", "look for a full disk, and at the owner of the file and its folder"),
    ("attempt to write a readonly database", "look at the owner of the file and at how its disk is mounted"),
];

/// The database's words with advice, if what they say passes.
fn passing(said: &str) -> Option<String> {
    let (_, advice) = PASSES.iter().find(|(words, _)| said.contains(words))?;
    Some(format!("{said} ({advice})"))
}

/// What libpq says of a connection that has died, where diesel does not tell this from other failures.
const LOST: [&str; 5] = [
    "server closed the connection", "could not receive data from server", "could not send data to server",
    "no connection to the server", "SSL connection has been closed",
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
    match &error {
        DbError::Query(DatabaseError(_, cause)) if leads_nowhere(&error) => {
            unavailable(url, &one_line(cause.message()))
        }
        DbError::Query(DatabaseError(Unknown, cause)) => {
            passing(cause.message()).map_or(error, |cause| unavailable(url, &cause))
        }
        _ => error,
    }
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
