//! Deleting what has ended.

use diesel::prelude::*;
use time::{Duration, OffsetDateTime};

use crate::db::{Db, DbError};
use crate::protocol::revoked::Why;
use crate::store::schema::{dead_grants, dead_tokens, grants};

/// The most rows of one kind that one step deletes.
const AT_ONCE: i64 = 500;
/// How long a grant that ended stays a row at least, so that the developer of its client is told why it ended.
const KEPT: Duration = Duration::days(1);

/// Deletes up to 500 rows of each kind: records of dead grants and of dead tokens whose tokens have all expired, and grants
/// that ended a day ago. `remembered` is how long a token of theirs may be valid after their end: a row must not go before,
/// because a token without a row is judged without it.
pub async fn sweep(db: &Db, remembered: Duration, now: OffsetDateTime) -> Result<usize, DbError> {
    let (at, ended) = (now.unix_timestamp(), (now - KEPT.max(remembered)).unix_timestamp());
    let (dead, tokens, rows) = db
        .read(move |conn| {
            let dead = dead_grants::table.filter(dead_grants::exp.le(at)).select(dead_grants::id);
            let dead: Vec<Vec<u8>> = dead.limit(AT_ONCE).load(conn)?;
            let tokens = dead_tokens::table.filter(dead_tokens::exp.le(at)).select(dead_tokens::jti);
            let tokens: Vec<String> = tokens.limit(AT_ONCE).load(conn)?;
            let rows = grants::table.filter(grants::idle_end.le(ended)).select(grants::id);
            let rows: Vec<Vec<u8>> = rows.limit(AT_ONCE).load(conn)?;
            Ok((dead, tokens, rows))
        })
        .await?;
    if dead.is_empty() && tokens.is_empty() && rows.is_empty() {
        return Ok(0);
    }
    db.write(move |conn| {
        // A row that was written while its grant was recorded as dead: the record ends here, the row must not live on.
        let revived =
            grants::table.filter(grants::id.eq_any(dead.clone())).filter(grants::revoked_at.is_null());
        let revoked = (
            grants::revoked_at.eq(Some(at)),
            grants::revoked_why.eq(Some(Why::CodeReplayed.text())),
            grants::idle_end.eq(at),
        );
        diesel::update(revived).set(revoked).execute(conn)?;
        let dead = diesel::delete(dead_grants::table.filter(dead_grants::id.eq_any(dead))).execute(conn)?;
        let tokens =
            diesel::delete(dead_tokens::table.filter(dead_tokens::jti.eq_any(tokens))).execute(conn)?;
        let rows = diesel::delete(
            // A use may have moved its end since it was read.
            grants::table.filter(grants::id.eq_any(rows)).filter(grants::idle_end.le(ended)),
        );
        Ok(dead + tokens + rows.execute(conn)?)
    })
    .await
}
