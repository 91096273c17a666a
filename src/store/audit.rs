//! What was changed, by whom and when; written with the change itself.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::schema::audit;
use crate::db::{Conn, DbError};

/// One event of the audit trail.
pub struct Event<'a> {
    /// Who did it: `cli`, `system`, or a person's identifier.
    pub actor: &'a str,
    /// What was done, such as `client.added`.
    pub event: &'a str,
    /// To what: an identifier.
    pub subject: &'a str,
    /// Particulars that are no secrets.
    pub detail: &'a str,
}

/// Records an event in the caller's transaction.
pub fn record(conn: &mut Conn, event: &Event<'_>, now: OffsetDateTime) -> Result<(), DbError> {
    let row = (
        audit::id.eq(uuid::Uuid::now_v7().to_string()),
        audit::at.eq(now.unix_timestamp()),
        audit::actor.eq(event.actor),
        audit::event.eq(event.event),
        audit::subject.eq(event.subject),
        audit::detail.eq(event.detail),
    );
    diesel::insert_into(audit::table).values(row).execute(conn)?;
    Ok(())
}
