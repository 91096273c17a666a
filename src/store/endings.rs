//! Sessions that are owed an end. A change that signs a person out is stored here, their sessions in the
//! other store: what is owed is written with the change, and crossed off when it is done, so that a
//! session can be trusted wherever it is found alive.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::schema::endings;
use crate::db::{Conn, Db, DbError, each};

/// How many people are signed out in one go.
const AT_ONCE: i64 = 100;

/// Owes a person the end of all their sessions, from now on.
pub(super) fn owe(conn: &mut Conn, user_id: &str, now: OffsetDateTime) -> Result<(), DbError> {
    let since = endings::since.eq(now.unix_timestamp());
    each!(conn, |c| diesel::insert_into(endings::table)
        .values((endings::user_id.eq(user_id), since))
        .on_conflict(endings::user_id)
        .do_update()
        .set(since)
        .execute(c)?);
    Ok(())
}

/// The people whose sessions are still to be ended, and since when.
pub async fn owed(db: &Db) -> Result<Vec<(String, i64)>, DbError> {
    let longest = endings::table.order(endings::since).limit(AT_ONCE);
    db.read(move |conn| Ok(longest.load(conn)?)).await
}

/// Crosses a person off, whose sessions were ended after `since`; a later debt stays.
pub async fn done(db: &Db, user_id: &str, since: i64) -> Result<(), DbError> {
    let user_id = user_id.to_owned();
    db.write(move |conn| {
        diesel::delete(endings::table.find(user_id).filter(endings::since.le(since))).execute(conn)?;
        Ok(())
    })
    .await
}
