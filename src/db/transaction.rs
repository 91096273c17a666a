//! Begin, commit and roll back, on either backend.

use diesel::connection::{AnsiTransactionManager, TransactionManager};

use super::fault::is_lost;
use super::{Conn, DbError, each};

/// Begins a transaction. SQLite must take its write lock at once: a transaction that reads first and writes later can
/// fail with "busy", whatever the time-out is.
pub(super) fn begin(conn: &mut Conn) -> Result<(), DbError> {
    match conn {
        Conn::Pg(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN")?,
        Conn::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")?,
    }
    Ok(())
}

/// Runs work in the transaction, then commits or rolls back. On a lost connection the server has rolled back already.
pub(super) fn end<T>(
    conn: &mut Conn,
    work: impl FnOnce(&mut Conn) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let done = work(conn);
    match &done {
        Ok(_) => each!(conn, |c| AnsiTransactionManager::commit_transaction(c))?,
        Err(error) if is_lost(error) => (),
        Err(_) => {
            let rolled_back = each!(conn, |c| AnsiTransactionManager::rollback_transaction(c));
            if let Err(also) = rolled_back {
                tracing::warn!(error = %also, "a failed transaction cannot be rolled back");
            }
        }
    }
    done
}
