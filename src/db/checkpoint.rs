//! Checkpoints of the embedded engine copy the write-ahead log into the database file. They wait for the disk, so they
//! run beside the requests, over a connection of their own.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Integer;

use super::{Conn, Db, DbError};

/// Length of the log, in pages of 4 KiB, from which on it is restarted. Writers wait meanwhile; the wait is short,
/// because nearly all of the log was copied before.
const LONG: i32 = 4_000;
/// Length of the log, in pages, from which on its file is truncated as well.
const TOO_LONG: i32 = 16_000;

/// The answer of a checkpoint.
#[derive(QueryableByName)]
struct Log {
    /// Number of pages in the log; -1 where there is no log.
    #[diesel(sql_type = Integer)]
    log: i32,
}

impl Db {
    /// Makes a checkpoint of a state file. Every other database makes its checkpoints by itself.
    pub async fn checkpoint(&self) -> Result<(), DbError> {
        let Some(side) = self.checkpoints.clone() else { return Ok(()) };
        let db = self.clone();
        self.hop(&side.clone(), move || {
            let mut lease = db.take(&side)?;
            let done = checkpoint(lease.conn());
            db.done(lease, done)
        })
        .await
    }
}

fn checkpoint(conn: &mut Conn) -> Result<(), DbError> {
    let Conn::Sqlite(conn) = conn else { return Ok(()) };
    let Log { log } = sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result(conn)?;
    if log >= LONG {
        let mode = if log >= TOO_LONG { "TRUNCATE" } else { "RESTART" };
        let Log { .. } = sql_query(format!("PRAGMA wal_checkpoint({mode})")).get_result(conn)?;
    }
    Ok(())
}
