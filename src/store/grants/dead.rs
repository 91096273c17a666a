//! Grants without a row that were revoked before their tokens expired.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::revoke::{Whose, revoke_rows};
use crate::db::{Db, DbError, each};
use crate::ids::GrantId;
use crate::protocol::event::Name;
use crate::protocol::revoked::Why;
use crate::store::events::{By, Event};
use crate::store::schema::dead_grants;

/// The parties of a grant.
#[derive(Clone, Copy, Debug)]
pub struct Parties<'a> {
    /// The person's `sub`.
    pub user_id: &'a str,
    /// The client's identifier.
    pub client_id: &'a str,
}

/// Revokes the grant of a code that was redeemed twice: in its row, if it has one. A grant without a row is recorded as dead
/// until `exp`, when its last token has expired. Doing it again changes nothing. A token that is issued later under the same
/// grant is dead as well, and so is a row that is written later: it finds the record, or [`super::sweep`] carries the record
/// over into it. `by` is the actor of the event.
pub async fn kill(
    db: &Db,
    grant_id: GrantId,
    exp: OffsetDateTime,
    of: Parties<'_>,
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    let row = (dead_grants::id.eq(grant_id.as_bytes().to_vec()), dead_grants::exp.eq(exp.unix_timestamp()));
    let (user_id, client_id, by) = (of.user_id.to_owned(), of.client_id.to_owned(), by.into());
    db.write(move |conn| {
        let mut new = revoke_rows(conn, &Whose::Grant(grant_id), Why::CodeReplayed, now)?.len();
        if new == 0 {
            new = each!(conn, |c| diesel::insert_into(dead_grants::table)
                .values(row)
                .on_conflict_do_nothing()
                .execute(c)?);
        }
        if new == 1 {
            let event = Event::new(Name::GrantReused, &by).about(&user_id).client(&client_id);
            event.with("grant", grant_id.to_string()).record(conn, now)?;
        }
        Ok(())
    })
    .await
}
