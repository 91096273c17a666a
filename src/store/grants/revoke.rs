//! Revoking grants that are rows, each time with its event in the same transaction.

use diesel::prelude::*;
use diesel::sql_types::{Binary, Nullable, Text};
use time::OffsetDateTime;

use crate::db::fixed::{Bind, Statement, fixed, statement};
use crate::db::{Conn, Db, DbError, each};
use crate::ids::{GrantId, SessionId};
use crate::protocol::event::Name;
use crate::protocol::revoked::Why;
use crate::store::events::{By, Event};
use crate::store::schema::grants;

/// The most rows that one transaction revokes.
const AT_ONCE: usize = 500;

/// Whose grants are revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// One grant.
    Grant(GrantId),
    /// Those that end with a session.
    Session(SessionId),
    /// Those of a person that end with a session.
    Sessions(String),
    /// All of a person.
    Person(String),
    /// All of a client.
    Client(String),
}

statement! { OfGrant -> (Binary, Nullable<Text>, Text):
    "UPDATE grants SET revoked_at = ?, revoked_why = ?, idle_end = ? WHERE revoked_at IS NULL AND id = ? \
     RETURNING id, user_id, client_id"
}
statement! { OfSession -> (Binary, Nullable<Text>, Text):
    "UPDATE grants SET revoked_at = ?, revoked_why = ?, idle_end = ? WHERE revoked_at IS NULL AND session_id = ? \
     RETURNING id, user_id, client_id"
}
statement! { OfSessions -> (Binary, Nullable<Text>, Text):
    "UPDATE grants SET revoked_at = ?, revoked_why = ?, idle_end = ? WHERE revoked_at IS NULL AND user_id = ? \
     AND session_id IS NOT NULL RETURNING id, user_id, client_id"
}
statement! { OfPerson -> (Binary, Nullable<Text>, Text):
    "UPDATE grants SET revoked_at = ?, revoked_why = ?, idle_end = ? WHERE revoked_at IS NULL AND user_id = ? \
     RETURNING id, user_id, client_id"
}
statement! { OfClient -> (Binary, Nullable<Text>, Text):
    "UPDATE grants SET revoked_at = ?, revoked_why = ?, idle_end = ? WHERE revoked_at IS NULL AND id IN \
     (SELECT id FROM grants WHERE client_id = ? AND revoked_at IS NULL LIMIT 500) RETURNING id, user_id, client_id"
}

/// A row that was revoked: the grant, the person, the client.
pub(super) type Row = (Vec<u8>, Option<String>, String);

/// Revokes rows in the caller's transaction, without an event. A row ends at that instant.
pub(super) fn revoke_rows(
    conn: &mut Conn,
    whose: &Whose,
    why: Why,
    now: OffsetDateTime,
) -> Result<Vec<Row>, DbError> {
    let at = now.unix_timestamp();
    match whose {
        Whose::Grant(id) => rows::<OfGrant>(conn, why, at, Bind::Bytes(id.as_bytes())),
        Whose::Session(id) => rows::<OfSession>(conn, why, at, Bind::Bytes(id.as_bytes())),
        Whose::Sessions(person) => rows::<OfSessions>(conn, why, at, Bind::Text(person)),
        Whose::Person(person) => rows::<OfPerson>(conn, why, at, Bind::Text(person)),
        Whose::Client(client) => rows::<OfClient>(conn, why, at, Bind::Text(client)),
    }
}

fn rows<S>(conn: &mut Conn, why: Why, at: i64, whose: Bind<'_>) -> Result<Vec<Row>, DbError>
where
    S: Statement<Answer = (Binary, Nullable<Text>, Text)>,
{
    let of = [Bind::Number(at), Bind::Text(why.text()), Bind::Number(at), whose];
    Ok(each!(conn, |c| fixed::<S>(&of).load(c)?))
}

/// Revokes grants in the caller's transaction, at most 500 of a client; answers how many. Each is an event; those of a
/// client are one.
pub(in crate::store) fn revoke_in(
    conn: &mut Conn,
    whose: &Whose,
    why: Why,
    by: &By,
    now: OffsetDateTime,
) -> Result<usize, DbError> {
    let rows = revoke_rows(conn, whose, why, now)?;
    if let (Whose::Client(client_id), false) = (whose, rows.is_empty()) {
        let event = Event::new(Name::GrantRevoked, by).client(client_id).with("why", why.text());
        event.with("grants", rows.len()).record(conn, now)?;
        return Ok(rows.len());
    }
    for (id, user_id, client_id) in &rows {
        let mut event = Event::new(Name::GrantRevoked, by).client(client_id).with("why", why.text());
        if let Some(user_id) = user_id {
            event = event.about(user_id);
        }
        if let Some(id) = GrantId::from_bytes(id) {
            event = event.with("grant", id.to_string());
        }
        event.record(conn, now)?;
    }
    Ok(rows.len())
}

/// Revokes grants; answers how many. The grants of a client are revoked in several transactions, so that other writers need
/// not wait for long. Revoking again changes nothing.
pub async fn revoke(
    db: &Db,
    whose: Whose,
    why: Why,
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<usize, DbError> {
    let (by, mut all) = (by.into(), 0);
    loop {
        let (whose, by) = (whose.clone(), by.clone());
        let revoked = db.write(move |conn| revoke_in(conn, &whose, why, &by, now)).await?;
        all += revoked;
        if revoked < AT_ONCE {
            return Ok(all);
        }
    }
}

/// Revokes the grants that end with these sessions; answers how many. Where there is none, that is one statement.
pub async fn of_sessions(
    db: &Db,
    sessions: &[SessionId],
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<usize, DbError> {
    let ids: Vec<Vec<u8>> = sessions.iter().map(|id| id.as_bytes().to_vec()).collect();
    let found: Vec<Option<Vec<u8>>> = db
        .read(move |conn| {
            let live = grants::table.filter(grants::session_id.eq_any(ids));
            let live = live.filter(grants::revoked_at.is_null()).select(grants::session_id).distinct();
            Ok(live.load(conn)?)
        })
        .await?;
    let (by, mut all) = (by.into(), 0);
    for id in found.into_iter().flatten().filter_map(|id| SessionId::from_bytes(&id)) {
        all += revoke(db, Whose::Session(id), Why::SignedOut, by.clone(), now).await?;
    }
    Ok(all)
}

/// The reuse of a refresh token that had been replaced.
#[derive(Clone, Copy, Debug)]
pub struct Reuse {
    /// The family.
    pub family: GrantId,
    /// The generation of the token.
    pub generation: u32,
    /// The newest generation.
    pub newest: u32,
}

/// Revokes a family because a token that had been replaced was used; false when it was revoked already. The event is one of
/// security.
pub async fn reused(db: &Db, reuse: Reuse, by: impl Into<By>, now: OffsetDateTime) -> Result<bool, DbError> {
    let by = by.into();
    db.write(move |conn| {
        let rows = revoke_rows(conn, &Whose::Grant(reuse.family), Why::TokenReused, now)?;
        let Some((_, user_id, client_id)) = rows.first() else { return Ok(false) };
        let mut event = Event::new(Name::GrantReused, &by).client(client_id);
        if let Some(user_id) = user_id {
            event = event.about(user_id);
        }
        let event = event.with("grant", reuse.family.to_string()).with("generation", reuse.generation);
        event.with("newest", reuse.newest).record(conn, now)?;
        Ok(true)
    })
    .await
}
