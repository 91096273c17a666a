//! Sessions that are due to end. A change that signs a person out is stored here, but the sessions are in the state store.
//! So the due end is written in the transaction of the change, and deleted once the sessions have ended. No sign-out is
//! lost between the two stores.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::schema::endings;
use crate::db::{Conn, Db, DbError, each};

/// Number of people signed out in one round.
const AT_ONCE: i64 = 100;

/// Makes the end of all sessions of a person due.
pub(super) fn make_due(conn: &mut Conn, user_id: &str, now: OffsetDateTime) -> Result<(), DbError> {
    let since = endings::since.eq(now.unix_timestamp());
    each!(conn, |c| diesel::insert_into(endings::table)
        .values((endings::user_id.eq(user_id), since))
        .on_conflict(endings::user_id)
        .do_update()
        .set(since)
        .execute(c)?);
    Ok(())
}

/// The people whose sessions are due to end, and since when.
pub async fn due(db: &Db) -> Result<Vec<(String, i64)>, DbError> {
    let longest = endings::table.order(endings::since).limit(AT_ONCE);
    db.read(move |conn| Ok(longest.load(conn)?)).await
}

/// Deletes a due end, after the sessions have ended. One that became due later than `since` stays.
pub async fn done(db: &Db, user_id: &str, since: i64) -> Result<(), DbError> {
    let user_id = user_id.to_owned();
    db.write(move |conn| {
        diesel::delete(endings::table.find(user_id).filter(endings::since.le(since))).execute(conn)?;
        Ok(())
    })
    .await
}
