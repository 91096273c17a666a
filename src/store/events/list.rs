//! Looking events up.

use diesel::prelude::*;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{Row, Vault};
use crate::db::{Conn, Db, DbError};
use crate::store::schema::events;

/// Which events are asked for.
#[derive(Clone, Default)]
pub struct Wanted {
    /// Those about this person, by identifier.
    pub person: Option<String>,
    /// Those for this application, by `client_id`.
    pub client: Option<String>,
    /// Those of this instant and later.
    pub since: Option<OffsetDateTime>,
    /// Those of these names; of any, if there are none.
    pub names: Vec<&'static str>,
    /// How many at most: the newest.
    pub most: i64,
}

/// A stored event.
pub struct Told {
    /// Its identifier.
    pub id: String,
    /// When it happened, in seconds since the epoch.
    pub at: i64,
    /// What kind of actor did it.
    pub actor_kind: String,
    /// Which one of that kind.
    pub actor: Option<String>,
    /// Its name.
    pub event: String,
    /// The person or key it is about.
    pub subject: Option<String>,
    /// The application it is about, or happened for.
    pub client: Option<String>,
    /// How it ended.
    pub outcome: String,
    /// Through what it was done.
    pub via: String,
    /// The request it happened in.
    pub request_id: Option<String>,
    /// A keyed hash of the network it came from.
    pub network: Option<String>,
    /// The plain particulars.
    pub context: Map<String, Value>,
    /// The personal ones.
    pub personal: Personal,
}

/// Personal detail of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Personal {
    /// There is none.
    None,
    /// It was opened.
    Opened(Map<String, Value>),
    /// The instance key is not at hand, or the person's key is gone.
    Sealed,
}

/// The newest events that are asked for, the newest first; with personal detail where it opens.
pub async fn list(db: &Db, wanted: Wanted, vault: Option<Vault>) -> Result<Vec<Told>, DbError> {
    db.read(move |conn| {
        let rows = rows(conn, &wanted)?;
        rows.into_iter().map(|row| told(conn, row, vault.as_ref())).collect()
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

fn told(conn: &mut Conn, row: Row, vault: Option<&Vault>) -> Result<Told, DbError> {
    let personal = match (&row.sealed, vault, &row.subject) {
        (None, _, _) => Personal::None,
        (Some(sealed), Some(vault), Some(person)) => {
            vault.open(conn, person, &row.id, sealed)?.map_or(Personal::Sealed, Personal::Opened)
        }
        _ => Personal::Sealed,
    };
    // What cannot be read as an object is shown as it stands.
    let context = serde_json::from_str(&row.context);
    let context = context.unwrap_or_else(|_| Map::from_iter([("detail".to_owned(), row.context.into())]));
    Ok(Told {
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
