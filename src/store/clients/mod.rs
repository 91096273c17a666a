//! Relying Parties.

use diesel::dsl::{exists, select};
use diesel::prelude::*;
use time::OffsetDateTime;

use super::events::{By, Event};
use super::schema::{client_secrets, clients, resource_clients};
use crate::db::{Db, DbError};
use crate::protocol::client::{Client, Metadata, Secrets};
use crate::protocol::event::Name;
use crate::protocol::registration::changed;

pub use cache::{Clients, Seen};
pub(super) use changes::note_resources;
pub use secrets::{NewSecret, Secret};

mod cache; // clients in memory
mod changes; // which clients were changed
pub mod secrets; // rows of their own

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = clients)]
struct Row {
    id: String,
    metadata: String,
    disabled: bool,
    created_at: i64,
    updated_at: i64,
}

/// The row of a client with the row of one of its secrets, if it has any.
type WithSecret = (Row, Option<secrets::Row>);

impl Row {
    fn into_client(self, secrets: Vec<secrets::Row>) -> Result<Client, DbError> {
        let broken = |cause: String| DbError::Broken(format!("client {}: {cause}", self.id));
        let metadata = serde_json::from_str(&self.metadata).map_err(|error| broken(error.to_string()))?;
        let secrets = secrets.into_iter().map(secrets::Row::into_secret).collect::<Result<_, _>>()?;
        let registered_at = OffsetDateTime::from_unix_timestamp(self.created_at);
        let registered_at = registered_at.map_err(|error| broken(error.to_string()))?;
        let secrets = Secrets::new(secrets);
        Ok(Client { id: self.id, secrets, disabled: self.disabled, registered_at, metadata })
    }
}

/// Clients with the approximate length of their rows, in bytes. The rows of one client follow each other.
fn sized(rows: Vec<WithSecret>) -> Result<Vec<(Client, usize)>, DbError> {
    let mut found: Vec<(Row, Vec<secrets::Row>)> = vec![];
    for (row, secret) in rows {
        match found.last_mut().filter(|(last, _)| last.id == row.id) {
            Some((_, secrets)) => secrets.extend(secret),
            None => found.push((row, secret.into_iter().collect())),
        }
    }
    let sized = |(row, secrets): (Row, Vec<secrets::Row>)| {
        let size = row.id.len() + row.metadata.len() + 200 * secrets.len();
        Ok((row.into_client(secrets)?, size))
    };
    found.into_iter().map(sized).collect()
}

/// Selects clients with their secrets.
macro_rules! with_secrets {
    () => {
        clients::table.left_join(client_secrets::table).select(WithSecret::as_select())
    };
}

/// Finds a client, enabled or not, without the cache.
pub async fn by_id(db: &Db, id: &str) -> Result<Option<Client>, DbError> {
    Ok(read(db, id).await?.map(|(client, _size)| client))
}

/// The same, with the length of its row, in bytes.
async fn read(db: &Db, id: &str) -> Result<Option<(Client, usize)>, DbError> {
    let id = id.to_owned();
    db.read(move |conn| Ok(sized(with_secrets!().filter(clients::id.eq(id)).load(conn)?)?.pop())).await
}

/// The clients with these identifiers, in no order.
async fn read_all(db: &Db, ids: &[&str]) -> Result<Vec<(Client, usize)>, DbError> {
    let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
    db.read(move |conn| sized(with_secrets!().filter(clients::id.eq_any(ids)).order(clients::id).load(conn)?))
        .await
}

/// Tells whether there is a client at all.
pub async fn any(db: &Db) -> Result<bool, DbError> {
    db.read(|conn| Ok(select(exists(clients::table.select(clients::id))).get_result(conn)?)).await
}

/// Every client, oldest first.
pub async fn list(db: &Db) -> Result<Vec<Client>, DbError> {
    db.read(|conn| {
        let listed = sized(with_secrets!().order((clients::created_at, clients::id)).load(conn)?)?;
        Ok(listed.into_iter().map(|(client, _size)| client).collect())
    })
    .await
}

/// Adds a client; false when the identifier is taken.
pub async fn add(db: &Db, client: &Client, by: impl Into<By>, now: OffsetDateTime) -> Result<bool, DbError> {
    let row = Row {
        id: client.id.clone(),
        metadata: encode(&client.metadata)?,
        disabled: client.disabled,
        created_at: client.registered_at.unix_timestamp(),
        updated_at: now.unix_timestamp(),
    };
    let (name, by, secrets) = (client.metadata.client_name.clone(), by.into(), client.secrets.clone());
    let added = db.write(move |conn| {
        diesel::insert_into(clients::table).values(&row).execute(conn)?;
        secrets::insert(conn, &row.id, &secrets)?;
        changes::note(conn, &row.id)?;
        Event::new(Name::AppCreated, &by).client(&row.id).with("name", name).record(conn, now)
    });
    match added.await {
        Ok(()) => Ok(true),
        Err(error) if error.is_conflict() => Ok(false),
        Err(error) => Err(error),
    }
}

/// A client before and after a change.
pub struct Edited {
    /// Before.
    pub before: Client,
    /// After; the same as before if nothing was changed.
    pub after: Client,
}

/// Changes a client in one transaction from the stored data; none when there is no such client. `edit` answers the new
/// metadata and the change of the secrets, or a refusal. Consents stay.
pub async fn edit<R: Send + 'static>(
    db: &Db,
    id: &str,
    edit: impl FnOnce(&Client) -> Result<(Metadata, Secret), R> + Send + 'static,
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<Option<Result<Edited, R>>, DbError> {
    let (id, by) = (id.to_owned(), by.into());
    db.write(move |conn| {
        // Writing to the row first locks it, so that no concurrent change is lost.
        let this = clients::table.find(&id);
        diesel::update(this).set(clients::updated_at.eq(clients::updated_at)).execute(conn)?;
        let rows = with_secrets!().filter(clients::id.eq(&id)).load(conn)?;
        let Some((before, _size)) = sized(rows)?.pop() else { return Ok(None) };
        let (metadata, secret) = match edit(&before) {
            Ok(edited) => edited,
            Err(refusal) => return Ok(Some(Err(refusal))),
        };
        let members = changed(&before.metadata, &metadata);
        let is_kept =
            matches!(secret, Secret::Keep) || matches!(secret, Secret::Drop) && before.secrets.is_empty();
        if !members.is_empty() || !is_kept {
            let set =
                (clients::metadata.eq(encode(&metadata)?), clients::updated_at.eq(now.unix_timestamp()));
            diesel::update(this).set(set).execute(conn)?;
            changes::note(conn, &id)?;
        }
        let secrets = secrets::change(conn, &id, &before.secrets, &secret, now)?;
        if !members.is_empty() {
            let event = Event::new(Name::AppChanged, &by).client(&id);
            event.with("changed", members).record(conn, now)?;
        }
        if let Secret::Set(..) = secret {
            Event::new(Name::AppSecretRotated, &by).client(&id).record(conn, now)?;
        }
        let after = Client { secrets, metadata, ..before.clone() };
        Ok(Some(Ok(Edited { before, after })))
    })
    .await
}

/// Disables a client, or enables it again; false when it was so already, or there is no such client.
pub async fn set_disabled(
    db: &Db,
    id: &str,
    disabled: bool,
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    let (id, by) = (id.to_owned(), by.into());
    db.write(move |conn| {
        let this = clients::table.find(&id).filter(clients::disabled.ne(disabled));
        let set = (clients::disabled.eq(disabled), clients::updated_at.eq(now.unix_timestamp()));
        let changed = diesel::update(this).set(set).execute(conn)? == 1;
        if changed {
            changes::note(conn, &id)?;
            let name = if disabled { Name::AppDisabled } else { Name::AppEnabled };
            Event::new(name, &by).client(&id).record(conn, now)?;
        }
        Ok(changed)
    })
    .await
}

/// Removes a client with its consents; it acts as no resource any more. False when there is no such client.
pub async fn remove(db: &Db, id: &str, by: impl Into<By>, now: OffsetDateTime) -> Result<bool, DbError> {
    let (id, by) = (id.to_owned(), by.into());
    db.write(move |conn| {
        // First, because it takes a lock that a change of resources holds while it needs this row.
        changes::note(conn, &id)?;
        let acted = resource_clients::table.filter(resource_clients::client_id.eq(&id));
        if diesel::delete(acted).execute(conn)? > 0 {
            note_resources(conn)?;
        }
        let removed = diesel::delete(clients::table.find(&id)).execute(conn)? == 1;
        if removed {
            Event::new(Name::AppRemoved, &by).client(&id).record(conn, now)?;
        }
        Ok(removed)
    })
    .await
}

fn encode(metadata: &Metadata) -> Result<String, DbError> {
    serde_json::to_string(metadata).map_err(|error| DbError::Broken(error.to_string()))
}
