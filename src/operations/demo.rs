//! The database of a demo: a mark in it keeps a real provider from serving it.

use super::Operation;
use crate::db::DbError;
use crate::store::{clients, facts, users};

/// The fact that marks the database.
const MARK: &str = "demo";

/// Why a database does not become the database of a demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoFault {
    /// It has people or clients already, and is not marked: it belongs to a real provider.
    #[error("the database belongs to a provider that is no demo")]
    InUse,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Marks the database, before the first person or client is in it. A repetition changes nothing.
pub async fn mark(op: &Operation<'_>) -> Result<(), DemoFault> {
    if op.db.read(|conn| facts::get(conn, MARK)).await?.is_some() {
        return Ok(());
    }
    if users::any(op.db).await? || clients::any(op.db).await? {
        return Err(DemoFault::InUse);
    }
    Ok(op.db.write(|conn| facts::set(conn, MARK, "yes")).await?)
}
