//! Secrets of clients: rows beside the client, read with it.

use diesel::prelude::*;
use time::OffsetDateTime;

use crate::db::{Conn, Db, DbError};
use crate::protocol::client::{ClientSecret, LastUse, Secrets};
use crate::secret::TokenHash;
use crate::store::schema::client_secrets;

use super::changes;

/// A row.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = client_secrets)]
pub(super) struct Row {
    client_id: String,
    number: i64,
    hash: Vec<u8>,
    sealed: Option<Vec<u8>>,
    created_at: i64,
    ends_at: Option<i64>,
    last_used_at: Option<i64>,
    last_used_network: Option<String>,
}

impl Row {
    pub(super) fn into_secret(self) -> Result<ClientSecret, DbError> {
        let broken = |cause: &str| DbError::Broken(format!("secret of client {}: {cause}", self.client_id));
        let instant =
            |at| OffsetDateTime::from_unix_timestamp(at).map_err(|error| broken(&error.to_string()));
        let last_use = self.last_used_at.map(|at| {
            let network = self.last_used_network.clone();
            Ok::<_, DbError>(LastUse { at: instant(at)?, network })
        });
        Ok(ClientSecret {
            number: self.number,
            hash: TokenHash::from_stored(&self.hash).ok_or_else(|| broken("bad hash"))?,
            created_at: instant(self.created_at)?,
            ends_at: self.ends_at.map(instant).transpose()?,
            last_use: last_use.transpose()?,
            sealed: self.sealed,
        })
    }

    fn of(client_id: &str, secret: &ClientSecret) -> Row {
        Row {
            client_id: client_id.to_owned(),
            number: secret.number,
            hash: secret.hash.as_bytes().to_vec(),
            sealed: secret.sealed.clone(),
            created_at: secret.created_at.unix_timestamp(),
            ends_at: secret.ends_at.map(OffsetDateTime::unix_timestamp),
            last_used_at: secret.last_use.as_ref().map(|last| last.at.unix_timestamp()),
            last_used_network: secret.last_use.as_ref().and_then(|last| last.network.clone()),
        }
    }
}

/// A secret that a client is given.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// Its hash.
    pub hash: TokenHash,
    /// The secret itself under the instance key, if it has to be known again.
    pub sealed: Option<Vec<u8>>,
    /// From when on it is refused; none if nothing ends it.
    pub ends_at: Option<OffsetDateTime>,
}

/// A change of a client's secrets.
#[derive(Clone, Debug)]
pub enum Secret {
    /// They stay.
    Keep,
    /// This one is added, and every other one ends at this instant at the latest.
    Set(NewSecret, OffsetDateTime),
    /// They are deleted.
    Drop,
}

impl Secret {
    /// One secret without end in place of all others, at once.
    pub fn only(hash: TokenHash, now: OffsetDateTime) -> Secret {
        Secret::Set(NewSecret { hash, sealed: None, ends_at: None }, now)
    }
}

/// Stores the secrets of a new client.
pub(super) fn insert(conn: &mut Conn, client_id: &str, secrets: &Secrets) -> Result<(), DbError> {
    for secret in secrets.all() {
        let row = Row::of(client_id, secret);
        diesel::insert_into(client_secrets::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// Carries out a change in the transaction of its client's change; answers the secrets after it.
pub(super) fn change(
    conn: &mut Conn,
    client_id: &str,
    before: &Secrets,
    change: &Secret,
    now: OffsetDateTime,
) -> Result<Secrets, DbError> {
    let (new, others_end) = match change {
        Secret::Keep => return Ok(before.clone()),
        Secret::Drop => {
            let all = client_secrets::table.filter(client_secrets::client_id.eq(client_id));
            diesel::delete(all).execute(conn)?;
            return Ok(Secrets::default());
        }
        Secret::Set(new, others_end) => (new, *others_end),
    };
    // Of those that have ended the last one is kept: a client that still sends it is told so.
    let ended = before.all().iter().filter(|secret| !secret.is_live(now)).map(|secret| secret.number);
    let last_ended = ended.max();
    let mut kept = vec![];
    for secret in before.all() {
        let row = client_secrets::table.find((client_id, secret.number));
        if !secret.is_live(now) && Some(secret.number) != last_ended {
            diesel::delete(row).execute(conn)?;
            continue;
        }
        let ends_at = secret.ends_at.map_or(others_end, |end| end.min(others_end));
        let set = client_secrets::ends_at.eq(ends_at.unix_timestamp());
        diesel::update(row).set(set).execute(conn)?;
        kept.push(ClientSecret { ends_at: Some(ends_at), ..secret.clone() });
    }
    let secret = ClientSecret {
        number: before.newest().map_or(1, |newest| newest.number + 1),
        sealed: new.sealed.clone(),
        ends_at: new.ends_at,
        ..ClientSecret::of(new.hash, now)
    };
    diesel::insert_into(client_secrets::table).values(Row::of(client_id, &secret)).execute(conn)?;
    kept.push(secret);
    Ok(Secrets::new(kept))
}

/// Writes the use of a secret, unless another node has just written one. Every node then reads the client anew.
pub(super) async fn used(
    db: &Db,
    client_id: String,
    number: i64,
    last: LastUse,
    before: Option<OffsetDateTime>,
) -> Result<(), DbError> {
    db.write(move |conn| {
        let before = before.map_or(0, OffsetDateTime::unix_timestamp);
        let last_used_at = client_secrets::last_used_at;
        let is_as_read = last_used_at.is_null().or(last_used_at.eq(before));
        let row = client_secrets::table.find((&client_id, number)).filter(is_as_read);
        let set = (
            client_secrets::last_used_at.eq(last.at.unix_timestamp()),
            client_secrets::last_used_network.eq(last.network),
        );
        if diesel::update(row).set(set).execute(conn)? == 1 {
            changes::note(conn, &client_id)?;
        }
        Ok(())
    })
    .await
}

/// A secret that is kept under the instance key.
pub struct SealedSecret {
    /// Its client.
    pub client_id: String,
    /// Its number.
    pub number: i64,
    /// Its hash.
    pub hash: Vec<u8>,
    /// The secret itself under the instance key.
    pub sealed: Vec<u8>,
}

/// Every secret that is kept under the instance key.
pub fn sealed(conn: &mut Conn) -> Result<Vec<SealedSecret>, DbError> {
    let rows: Vec<Row> = client_secrets::table
        .filter(client_secrets::sealed.is_not_null())
        .select(Row::as_select())
        .load(conn)?;
    let sealed = |Row { client_id, number, hash, sealed, .. }: Row| {
        Some(SealedSecret { client_id, number, hash, sealed: sealed? })
    };
    Ok(rows.into_iter().filter_map(sealed).collect())
}

/// Stores a secret that was sealed anew; the secret itself stays.
pub fn reseal(conn: &mut Conn, secret: &SealedSecret, sealed: Vec<u8>) -> Result<(), DbError> {
    let row = client_secrets::table.find((&secret.client_id, secret.number));
    diesel::update(row).set(client_secrets::sealed.eq(sealed)).execute(conn)?;
    changes::note(conn, &secret.client_id)
}
