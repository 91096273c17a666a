//! Checkpoints of the embedded engine: what was written ahead is carried over into the file. They wait for the disk, so
//! they run beside the requests, over a connection of their own.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Integer;

use super::{Conn, Db, DbError};

/// From how many pages on, of 4 KiB, the log is begun anew. Writers wait while the last of it is carried over, which
/// is little, because all but that was carried over before.
const LONG: i32 = 4_000;
/// From how many on its file is cut as well.
const TOO_LONG: i32 = 16_000;

/// What a checkpoint answers.
#[derive(QueryableByName)]
struct Log {
    /// How many pages the log has; -1 where there is none.
    #[diesel(sql_type = Integer)]
    log: i32,
}

impl Db {
    /// Makes a checkpoint, if this is a file of what passes; every other database makes its own.
    pub async fn checkpoint(&self) -> Result<(), DbError> {
        let Some(side) = self.checkpoints.clone() else { return Ok(()) };
        let db = self.clone();
        self.hop(&side.clone(), move || {
            let mut lent = db.take(&side)?;
            let done = checkpoint(lent.conn());
            db.done(lent, done)
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
