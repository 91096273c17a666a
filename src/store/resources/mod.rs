//! Resources beside those of the configuration file. Each change is one transaction with its event, and is listed for
//! the nodes, which keep all resources in memory.

use std::collections::BTreeMap;

use diesel::prelude::*;
use time::OffsetDateTime;

use super::clients;
use super::events::{By, Event};
use super::schema::{consents, grants, resource_clients, resources};
use crate::db::{Conn, Db, DbError};
use crate::protocol::event::Name;
use crate::protocol::resource::{Resource, comparable};

pub use current::Current;

mod current; // all resources in memory

#[derive(Queryable, Insertable)]
#[diesel(table_name = resources)]
struct Row {
    id: String,
    declaration: String,
    created_at: i64,
    updated_at: i64,
}

/// Every resource, oldest first. One that this version cannot read is left out, and logged: there are no tokens for it.
fn read(conn: &mut Conn) -> Result<Vec<Resource>, DbError> {
    let rows: Vec<Row> = resources::table.order((resources::created_at, resources::id)).load(conn)?;
    let pairs = resource_clients::table.order((resource_clients::resource_id, resource_clients::client_id));
    let pairs: Vec<(String, String)> = pairs.load(conn)?;
    let mut clients: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (resource, client) in pairs {
        clients.entry(resource).or_default().push(client);
    }
    let resource = |Row { id, declaration, .. }: Row| {
        let read = serde_json::from_str::<Resource>(&declaration);
        let unreadable = |error: &serde_json::Error| {
            tracing::error!(resource = %id, %error, "a resource cannot be read, and is left out");
        };
        let resource = read.inspect_err(unreadable).ok()?;
        Some(Resource { clients: clients.remove(&id).unwrap_or_default(), ..resource })
    };
    Ok(rows.into_iter().filter_map(resource).collect())
}

/// Every resource, oldest first.
pub async fn list(db: &Db) -> Result<Vec<Resource>, DbError> {
    db.read(read).await
}

/// Adds a resource that `admit` lets in beside those that there are; none when there is one with its identifier.
pub async fn add<R: Send + 'static>(
    db: &Db,
    resource: Resource,
    admit: impl FnOnce(&Resource, Vec<Resource>) -> Result<(), R> + Send + 'static,
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<Option<Result<(), R>>, DbError> {
    let by = by.into();
    db.write(move |conn| {
        // Numbers the change first, which takes a lock: two resources that exclude each other cannot both get in.
        clients::note_resources(conn)?;
        let id = comparable(&resource.uri);
        if stored(conn, &id)?.is_some() {
            return Ok(None);
        }
        if let Err(refusal) = admit(&resource, read(conn)?) {
            return Ok(Some(Err(refusal)));
        }
        let (created_at, updated_at) = (now.unix_timestamp(), now.unix_timestamp());
        let row = Row { id, declaration: encode(&resource)?, created_at, updated_at };
        diesel::insert_into(resources::table).values(&row).execute(conn)?;
        set_clients(conn, &row.id, &resource.clients)?;
        Event::new(Name::ResourceCreated, &by).about(&resource.uri).record(conn, now)?;
        Ok(Some(Ok(())))
    })
    .await
}

/// A resource before and after a change.
pub struct Edited {
    /// Before.
    pub before: Resource,
    /// After; the same as before if nothing was changed.
    pub after: Resource,
    /// The names of the members that differ.
    pub members: Vec<String>,
}

/// Changes a resource in one transaction from the stored data; none when there is none with this identifier. `edit`
/// gets the resource and all others, and answers the new one, or a refusal. The identifier stays.
pub async fn edit<R: Send + 'static>(
    db: &Db,
    uri: &str,
    edit: impl FnOnce(&Resource, Vec<Resource>) -> Result<Resource, R> + Send + 'static,
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<Option<Result<Edited, R>>, DbError> {
    let (id, by) = (comparable(uri), by.into());
    db.write(move |conn| {
        clients::note_resources(conn)?;
        let (same, others): (Vec<Resource>, Vec<Resource>) =
            read(conn)?.into_iter().partition(|resource| comparable(&resource.uri) == id);
        let Some(before) = same.into_iter().next() else { return Ok(None) };
        let after = match edit(&before, others) {
            Ok(after) => Resource { uri: before.uri.clone(), ..after },
            Err(refusal) => return Ok(Some(Err(refusal))),
        };
        let members = before.changed(&after);
        if !members.is_empty() {
            let set =
                (resources::declaration.eq(encode(&after)?), resources::updated_at.eq(now.unix_timestamp()));
            diesel::update(resources::table.find(&id)).set(set).execute(conn)?;
            set_clients(conn, &id, &after.clients)?;
            let event = Event::new(Name::ResourceChanged, &by).about(&after.uri);
            event.with("changed", members.clone()).record(conn, now)?;
        }
        Ok(Some(Ok(Edited { before, after, members })))
    })
    .await
}

/// Removes a resource; false when there is none with this identifier.
pub async fn remove(db: &Db, uri: &str, by: impl Into<By>, now: OffsetDateTime) -> Result<bool, DbError> {
    let (id, uri, by) = (comparable(uri), uri.to_owned(), by.into());
    db.write(move |conn| {
        clients::note_resources(conn)?;
        let removed = diesel::delete(resources::table.find(&id)).execute(conn)? == 1;
        if removed {
            Event::new(Name::ResourceRemoved, &by).about(&uri).record(conn, now)?;
        }
        Ok(removed)
    })
    .await
}

/// How many consents and how many grants name a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Consents.
    pub consents: i64,
    /// Grants that outlive a code and were not revoked.
    pub grants: i64,
}

/// Counts what names a resource. Reads all consents and grants: for operators.
pub async fn named(db: &Db, uri: &str) -> Result<Named, DbError> {
    let name = serde_json::Value::from(uri).to_string();
    let escaped = name.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let pattern = format!("%{escaped}%");
    db.read(move |conn| {
        let consents = consents::table.filter(consents::resources.like(pattern.clone()).escape('\\'));
        let grants = grants::table.filter(grants::terms.like(pattern).escape('\\'));
        Ok(Named {
            consents: consents.count().get_result(conn)?,
            grants: grants.filter(grants::revoked_at.is_null()).count().get_result(conn)?,
        })
    })
    .await
}

fn stored(conn: &mut Conn, id: &str) -> Result<Option<String>, DbError> {
    Ok(resources::table.find(id).select(resources::id).first(conn).optional()?)
}

/// Replaces the clients that act as a resource.
fn set_clients(conn: &mut Conn, id: &str, clients: &[String]) -> Result<(), DbError> {
    let mine = resource_clients::table.filter(resource_clients::resource_id.eq(id));
    diesel::delete(mine).execute(conn)?;
    for client in clients {
        let row = (resource_clients::resource_id.eq(id), resource_clients::client_id.eq(client));
        diesel::insert_into(resource_clients::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// The declaration without its clients, which have a table of their own.
fn encode(resource: &Resource) -> Result<String, DbError> {
    let alone = Resource { clients: vec![], ..resource.clone() };
    serde_json::to_string(&alone).map_err(|error| DbError::Broken(error.to_string()))
}
