//! Relying Parties.

use diesel::dsl::{exists, select};
use diesel::prelude::*;
use time::OffsetDateTime;

use super::events::{By, Event};
use super::schema::{clients, resource_clients};
use crate::db::{Db, DbError};
use crate::protocol::client::{Client, Metadata};
use crate::protocol::event::Name;
use crate::protocol::registration::changed;
use crate::secret::TokenHash;

pub(super) use cache::note_resources;
pub use cache::{Clients, Seen};

mod cache; // clients in memory

#[derive(Queryable, Insertable)]
#[diesel(table_name = clients)]
struct Row {
    id: String,
    metadata: String,
    secret_hash: Option<Vec<u8>>,
    disabled: bool,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn into_client(self) -> Result<Client, DbError> {
        let broken = |cause: String| DbError::Broken(format!("client {}: {cause}", self.id));
        let metadata = serde_json::from_str(&self.metadata).map_err(|error| broken(error.to_string()))?;
        let secret = match &self.secret_hash {
            None => None,
            Some(bytes) => {
                Some(TokenHash::from_stored(bytes).ok_or_else(|| broken("bad secret hash".into()))?)
            }
        };
        let registered_at = OffsetDateTime::from_unix_timestamp(self.created_at);
        let registered_at = registered_at.map_err(|error| broken(error.to_string()))?;
        Ok(Client { id: self.id, secret, disabled: self.disabled, registered_at, metadata })
    }

    /// The client, and the length of its row, in bytes.
    fn sized(self) -> Result<(Client, usize), DbError> {
        let size = self.id.len() + self.metadata.len();
        Ok((self.into_client()?, size))
    }
}

/// Finds a client, enabled or not, without the cache.
pub async fn by_id(db: &Db, id: &str) -> Result<Option<Client>, DbError> {
    Ok(read(db, id).await?.map(|(client, _size)| client))
}

/// The same, with the length of its row, in bytes.
async fn read(db: &Db, id: &str) -> Result<Option<(Client, usize)>, DbError> {
    let id = id.to_owned();
    db.read(move |conn| {
        let row: Option<Row> = clients::table.find(id).first(conn).optional()?;
        let Some(row) = row else { return Ok(None) };
        row.sized().map(Some)
    })
    .await
}

/// The clients with these identifiers, in no order.
async fn read_all(db: &Db, ids: &[&str]) -> Result<Vec<(Client, usize)>, DbError> {
    let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
    db.read(move |conn| {
        let rows: Vec<Row> = clients::table.filter(clients::id.eq_any(ids)).load(conn)?;
        rows.into_iter().map(Row::sized).collect()
    })
    .await
}

/// Tells whether there is a client at all.
pub async fn any(db: &Db) -> Result<bool, DbError> {
    db.read(|conn| Ok(select(exists(clients::table.select(clients::id))).get_result(conn)?)).await
}

/// Every client, oldest first.
pub async fn list(db: &Db) -> Result<Vec<Client>, DbError> {
    db.read(|conn| {
        let rows: Vec<Row> = clients::table.order((clients::created_at, clients::id)).load(conn)?;
        rows.into_iter().map(Row::into_client).collect()
    })
    .await
}

/// Adds a client; false when the identifier is taken.
pub async fn add(db: &Db, client: &Client, by: impl Into<By>, now: OffsetDateTime) -> Result<bool, DbError> {
    let row = Row {
        id: client.id.clone(),
        metadata: encode(&client.metadata)?,
        secret_hash: client.secret.map(|hash| hash.as_bytes().to_vec()),
        disabled: client.disabled,
        created_at: client.registered_at.unix_timestamp(),
        updated_at: now.unix_timestamp(),
    };
    let (name, by) = (client.metadata.client_name.clone(), by.into());
    let added = db.write(move |conn| {
        diesel::insert_into(clients::table).values(&row).execute(conn)?;
        cache::note(conn, &row.id)?;
        Event::new(Name::AppCreated, &by).client(&row.id).with("name", name).record(conn, now)
    });
    match added.await {
        Ok(()) => Ok(true),
        Err(error) if error.is_conflict() => Ok(false),
        Err(error) => Err(error),
    }
}

/// A change of the stored hash of a client's secret.
#[derive(Clone, Copy)]
pub enum Secret {
    /// It stays.
    Keep,
    /// It is replaced by this one.
    Set(TokenHash),
    /// It is deleted.
    Drop,
}

/// A client before and after a change.
pub struct Edited {
    /// Before.
    pub before: Client,
    /// After; the same as before if nothing was changed.
    pub after: Client,
}

/// Changes a client in one transaction from the stored data; none when there is no such client. `edit` answers the new
/// metadata and the change of the secret, or a refusal. Consents stay.
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
        let row: Option<Row> = this.first(conn).optional()?;
        let Some(row) = row else { return Ok(None) };
        let before = row.into_client()?;
        let (metadata, secret) = match edit(&before) {
            Ok(edited) => edited,
            Err(refusal) => return Ok(Some(Err(refusal))),
        };
        let members = changed(&before.metadata, &metadata);
        let (hash, is_kept) = match secret {
            Secret::Keep => (before.secret, true),
            Secret::Set(hash) => (Some(hash), false),
            Secret::Drop => (None, before.secret.is_none()),
        };
        if !members.is_empty() || !is_kept {
            let set = (
                clients::metadata.eq(encode(&metadata)?),
                clients::secret_hash.eq(hash.map(|hash| hash.as_bytes().to_vec())),
                clients::updated_at.eq(now.unix_timestamp()),
            );
            diesel::update(this).set(set).execute(conn)?;
            cache::note(conn, &id)?;
        }
        if !members.is_empty() {
            let event = Event::new(Name::AppChanged, &by).client(&id);
            event.with("changed", members).record(conn, now)?;
        }
        if let Secret::Set(_) = secret {
            Event::new(Name::AppSecretRotated, &by).client(&id).record(conn, now)?;
        }
        let after = Client { metadata, secret: hash, ..before.clone() };
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
            cache::note(conn, &id)?;
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
        cache::note(conn, &id)?;
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
