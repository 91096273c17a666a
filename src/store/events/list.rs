//! Reading events.

use diesel::prelude::*;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{Row, Vault};
use crate::db::{Conn, Db, DbError};
use crate::store::schema::events;

/// A filter of events.
#[derive(Clone, Default)]
pub struct Wanted {
    /// Only events about this person, by identifier.
    pub person: Option<String>,
    /// Only events of this application, by `client_id`.
    pub client: Option<String>,
    /// Only events of this instant and later.
    pub since: Option<OffsetDateTime>,
    /// Only events with these names; with any name, if the list is empty.
    pub names: Vec<&'static str>,
    /// Number of events at most: the newest.
    pub most: i64,
}

/// A stored event.
pub struct StoredEvent {
    /// Its identifier.
    pub id: String,
    /// Its time, in seconds since the epoch.
    pub at: i64,
    /// The kind of its actor.
    pub actor_kind: String,
    /// The actor's name within the kind.
    pub actor: Option<String>,
    /// Its name.
    pub event: String,
    /// The person or the key that it is about.
    pub subject: Option<String>,
    /// The application that it is about, or for which it happened.
    pub client: Option<String>,
    /// Its outcome.
    pub outcome: String,
    /// The interface through which the actor acted.
    pub via: String,
    /// Its request.
    pub request_id: Option<String>,
    /// A keyed hash of the request's network.
    pub network: Option<String>,
    /// Detail that is not personal.
    pub context: Map<String, Value>,
    /// Personal detail.
    pub personal: Personal,
}

/// Personal detail of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Personal {
    /// The event has none.
    None,
    /// Opened.
    Opened(Map<String, Value>),
    /// Sealed: the instance key is not available, or the person's key was deleted.
    Sealed,
}

/// The newest events of a filter, the newest first, with personal detail where its key is available.
pub async fn list(db: &Db, wanted: Wanted, vault: Option<Vault>) -> Result<Vec<StoredEvent>, DbError> {
    db.read(move |conn| {
        let rows = rows(conn, &wanted)?;
        rows.into_iter().map(|row| stored_event(conn, row, vault.as_ref())).collect()
    })
    .await
}

fn rows(conn: &mut Conn, wanted: &Wanted) -> Result<Vec<Row>, DbError> {
    let mut query = events::table.into_boxed();
    if let Some(person) = &wanted.person {
        query = query.filter(events::subject.eq(person));
    }
    if let Some(client) = &wanted.client {
        query = query.filter(events::client.eq(client));
    }
    if let Some(since) = wanted.since {
        query = query.filter(events::at.ge(since.unix_timestamp()));
    }
    if !wanted.names.is_empty() {
        query = query.filter(events::event.eq_any(&wanted.names));
    }
    Ok(query.order((events::at.desc(), events::id.desc())).limit(wanted.most).load(conn)?)
}

fn stored_event(conn: &mut Conn, row: Row, vault: Option<&Vault>) -> Result<StoredEvent, DbError> {
    let personal = match (&row.sealed, vault, &row.subject) {
        (None, _, _) => Personal::None,
        (Some(sealed), Some(vault), Some(person)) => {
            vault.open(conn, person, &row.id, sealed)?.map_or(Personal::Sealed, Personal::Opened)
        }
        _ => Personal::Sealed,
    };
    // Context that is no JSON object is shown as text.
    let context = serde_json::from_str(&row.context);
    let context = context.unwrap_or_else(|_| Map::from_iter([("detail".to_owned(), row.context.into())]));
    Ok(StoredEvent {
        id: row.id,
        at: row.at,
        actor_kind: row.actor_kind,
        actor: row.actor,
        event: row.event,
        subject: row.subject,
        client: row.client,
        outcome: row.outcome,
        via: row.via,
        request_id: row.request_id,
        network: row.network,
        context,
        personal,
    })
}
