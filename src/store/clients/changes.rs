//! The list of changed clients, by which nodes see what to read anew.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::db::fixed::{Bind, fixed, statement};
use crate::db::{Conn, DbError, each};

/// Length of the list: a node that missed more empties its cache.
const LISTED: i64 = 1000;

statement! { Number -> Text:
    "UPDATE facts SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = 'client_changes' RETURNING value"
}
statement! { Note -> (): "INSERT INTO client_changes (seq, client_id) VALUES (?, ?)" }
statement! { Forget -> (): "DELETE FROM client_changes WHERE seq <= ?" }

/// What stands in the list for the resources: no client has this identifier.
pub(super) const RESOURCES: &str = "";

/// Adds the resources to the list of changes, in the transaction of their change.
pub(in crate::store) fn note_resources(conn: &mut Conn) -> Result<(), DbError> {
    note(conn, RESOURCES)
}

/// Adds a client to the list of changes, in the transaction of its change.
pub(super) fn note(conn: &mut Conn, client_id: &str) -> Result<(), DbError> {
    let number: String = each!(conn, |c| fixed::<Number>(&[]).get_result(c)?);
    let number: i64 =
        number.parse().map_err(|error| DbError::Broken(format!("client_changes {number:?}: {error}")))?;
    each!(conn, |c| fixed::<Note>(&[Bind::Number(number), Bind::Text(client_id)]).execute(c)?);
    each!(conn, |c| fixed::<Forget>(&[Bind::Number(number - LISTED)]).execute(c)?);
    Ok(())
}
