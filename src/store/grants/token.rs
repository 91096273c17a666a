//! Access tokens that were revoked one by one. Each is recorded by its `jti`, never by a hash of its text: an ES256
//! signature can be written in a second way that is valid as well.

use diesel::prelude::*;
use time::OffsetDateTime;

use crate::db::{Db, DbError, each};
use crate::ids::GrantId;
use crate::protocol::claims::REVOCATION_SLACK;
use crate::protocol::event::Name;
use crate::store::events::{By, Event};
use crate::store::schema::dead_tokens;

/// An access token that is to be revoked.
#[derive(Clone, Copy, Debug)]
pub struct Revoked<'a> {
    /// Its identifier.
    pub jti: &'a str,
    /// When it ends, in seconds since the epoch.
    pub exp: i64,
    /// The grant that it was issued from.
    pub grant_id: GrantId,
    /// The client that it was issued to.
    pub client_id: &'a str,
}

/// Records a token as dead until it has expired everywhere; false if it is dead already. The grant stays as it is.
///
/// Spec: RFC 7009 §2.1
pub async fn revoke_token(
    db: &Db,
    token: Revoked<'_>,
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    let exp = token.exp.saturating_add(REVOCATION_SLACK.whole_seconds());
    let row = (dead_tokens::jti.eq(token.jti.to_owned()), dead_tokens::exp.eq(exp));
    let event = Event::new(Name::TokenRevoked, &by.into()).client(token.client_id);
    let event = event.with("grant", token.grant_id.to_string());
    db.write(move |conn| {
        let new = each!(conn, |c| diesel::insert_into(dead_tokens::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c)?);
        if new == 1 {
            event.record(conn, now)?;
        }
        Ok(new == 1)
    })
    .await
}
