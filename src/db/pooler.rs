//! Connection poolers that assign a new session for each transaction (`PgBouncer` in transaction or statement mode) are
//! refused. Statements are prepared once per connection here; in another session their names would be unknown, or name
//! the statement of another client.

use diesel::dsl::sql;
use diesel::sql_types::Integer;
use diesel::{Connection, PgConnection, RunQueryDsl, select};

use super::{Conn, Db, DbError, is_lost};

/// The refusal, with its remedy.
const REFUSED: &str = "a connection pooler in transaction mode stands in front of PostgreSQL, and what is prepared in one \
    transaction is gone in the next: set pool_mode = session for this database (PgBouncer), or connect to PostgreSQL \
    itself, which takes 8 connections a node";

/// The advice for a connection that was closed by a pooler in statement mode.
const HANGS_UP: &str = "the connection ended when a transaction was begun, as a pooler in statement mode does it: set \
    pool_mode = session for this database";

impl Db {
    /// Refuses such a pooler. Each of two connections must have a session of its own that stays the same.
    pub fn refuse_pooler(&self) -> Result<(), DbError> {
        if self.is_embedded() {
            return Ok(());
        }
        let (mut one, mut other) = (self.take(&self.read)?, self.take(&self.read)?);
        let exchanged = match (one.conn(), other.conn()) {
            (Conn::Pg(one), Conn::Pg(other)) => is_exchanged(one, other),
            _ => Ok(false),
        };
        self.done(other, Ok(()))?;
        if self.done(one, exchanged)? { Err(DbError::Broken(REFUSED.into())) } else { Ok(()) }
    }
}

/// Tells whether both share a session, or the session of one changes while the other is at work.
fn is_exchanged(one: &mut PgConnection, other: &mut PgConnection) -> Result<bool, DbError> {
    let first = session(one).map_err(unbegun)?;
    Ok(other.transaction(|other| {
        Ok::<_, diesel::result::Error>(asked(other)? == first || session(one)? != first)
    })?)
}

/// A connection that ends as soon as a transaction is begun on it leads to a pooler in statement mode, which hangs up then.
fn unbegun(error: diesel::result::Error) -> DbError {
    let error = DbError::from(error);
    if is_lost(&error) { DbError::Broken(format!("{error}: {HANGS_UP}")) } else { error }
}

/// The session's process identifier, read in a transaction.
fn session(conn: &mut PgConnection) -> diesel::QueryResult<i32> {
    conn.transaction(asked)
}

fn asked(conn: &mut PgConnection) -> diesel::QueryResult<i32> {
    select(sql::<Integer>("pg_backend_pid()")).get_result(conn)
}
