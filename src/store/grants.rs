//! Grants that were revoked before their tokens expired.

use diesel::prelude::*;
use diesel::sql_types::Text;
use time::OffsetDateTime;

use super::events::{By, Event};
use super::schema::dead_grants;
use super::users;
use crate::db::fixed::{Bind, fixed, statement};
use crate::db::{Db, DbError, each};
use crate::ids::GrantId;
use crate::protocol::event::Name;
use crate::protocol::instant::AHEAD;
use crate::protocol::user::User;

/// The parties of a grant.
#[derive(Clone, Copy, Debug)]
pub struct Parties<'a> {
    /// The person's `sub`.
    pub user_id: &'a str,
    /// The client's identifier.
    pub client_id: &'a str,
}

/// Records a grant as dead until `exp`, when its last token has expired. Recording it again changes nothing; a token that
/// is issued later under the same grant is dead as well. `by` is the actor of the event.
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
        let new = each!(conn, |c| diesel::insert_into(dead_grants::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c)?);
        if new == 1 {
            let event = Event::new(Name::GrantReused, &by).about(&user_id).client(&client_id);
            event.with("grant", grant_id.to_string()).record(conn, now)?;
        }
        Ok(())
    })
    .await
}

statement! { Holder -> (Text, Text):
    "SELECT login_shown, claims FROM users WHERE id = ? AND disabled = FALSE \
     AND NOT EXISTS (SELECT 1 FROM dead_grants WHERE dead_grants.id = ?) \
     AND EXISTS (SELECT 1 FROM clients WHERE clients.id = ? AND clients.disabled = FALSE \
     AND (clients.created_at <= ? OR clients.created_at > ?))"
}

/// An issued access token.
#[derive(Clone, Copy, Debug)]
pub struct Issued<'a> {
    /// The grant.
    pub grant_id: GrantId,
    /// The person's `sub`.
    pub user_id: &'a str,
    /// The client's identifier.
    pub client_id: &'a str,
    /// When it was issued, in seconds since the epoch.
    pub at: i64,
}

/// The enabled person of a token, unless the token's grant is dead or its client is disabled or removed. A client that was
/// registered under the same identifier later is another client. A registration time in the future, from a clock that ran
/// ahead, counts as old.
pub async fn holder(db: &Db, token: &Issued<'_>, now: OffsetDateTime) -> Result<Option<User>, DbError> {
    let (grant_id, at, latest) = (token.grant_id, token.at, (now + AHEAD).unix_timestamp());
    let (user_id, client_id) = (token.user_id.to_owned(), token.client_id.to_owned());
    db.read(move |conn| {
        let of = [
            Bind::Text(&user_id),
            Bind::Bytes(grant_id.as_bytes()),
            Bind::Text(&client_id),
            Bind::Number(at),
            Bind::Number(latest),
        ];
        let row: Option<(String, String)> = each!(conn, |c| fixed::<Holder>(&of).get_result(c).optional()?);
        row.map(|(login, claims)| users::user(user_id, login, false, &claims)).transpose()
    })
    .await
}

/// Deletes up to 500 records whose tokens have all expired.
pub async fn sweep(db: &Db, now: OffsetDateTime) -> Result<usize, DbError> {
    let now = now.unix_timestamp();
    let over = dead_grants::table.filter(dead_grants::exp.le(now)).select(dead_grants::id).limit(500);
    let over: Vec<Vec<u8>> = db.read(move |conn| Ok(over.load(conn)?)).await?;
    if over.is_empty() {
        return Ok(0);
    }
    db.write(move |conn| {
        Ok(diesel::delete(dead_grants::table.filter(dead_grants::id.eq_any(over))).execute(conn)?)
    })
    .await
}
