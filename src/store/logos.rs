//! Logos of clients, as they were fetched. They are stored here so that all nodes show the same, and one node fetches for
//! all.

use diesel::prelude::*;
use time::{Duration, OffsetDateTime};

use super::schema::logos;
use crate::db::{Db, DbError, each};
use crate::protocol::instant::AHEAD;

/// Age at which an image is fetched again.
pub const FRESH: Duration = Duration::days(1);
/// Longest time until a logo is due, in seconds. One that is due later was written by a clock that ran ahead.
const LATEST: i64 = FRESH.whole_seconds() + AHEAD.whole_seconds();

/// A client's logo, without its image.
#[derive(Clone, Debug)]
pub struct Logo {
    /// The address it was fetched from.
    pub uri: String,
    /// When it may be fetched again.
    pub due: i64,
    /// The name under which it is served; none when fetching failed.
    pub name: Option<String>,
}

impl Logo {
    /// Tells whether it may be fetched again.
    pub fn is_due(&self, now: OffsetDateTime) -> bool {
        let left = self.due - now.unix_timestamp();
        left <= 0 || left > LATEST
    }
}

/// The logo of a client, without its image.
pub async fn find(db: &Db, client_id: &str) -> Result<Option<Logo>, DbError> {
    let client_id = client_id.to_owned();
    db.read(move |conn| {
        let known = logos::table.find(client_id).select((logos::uri, logos::due, logos::name));
        let row: Option<(String, i64, Option<String>)> = known.first(conn).optional()?;
        Ok(row.map(|(uri, due, name)| Logo { uri, due, name }))
    })
    .await
}

/// Claims the right to fetch a logo until `retry`. Of concurrent calls exactly one succeeds. An image from another
/// address is deleted.
pub async fn claim(
    db: &Db,
    client_id: &str,
    uri: &str,
    retry: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    let (client_id, uri) = (client_id.to_owned(), uri.to_owned());
    let (retry, now) = (retry.unix_timestamp(), now.unix_timestamp());
    db.write(move |conn| {
        let other = logos::table.find(&client_id).filter(logos::uri.ne(&uri));
        diesel::delete(other).execute(conn)?;
        let row = (logos::client_id.eq(&client_id), logos::uri.eq(&uri), logos::due.eq(retry));
        let new = each!(conn, |c| diesel::insert_into(logos::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c)?);
        let is_due = logos::due.le(now).or(logos::due.gt(now + LATEST));
        let due = logos::table.find(&client_id).filter(is_due);
        Ok(new == 1 || diesel::update(due).set(logos::due.eq(retry)).execute(conn)? == 1)
    })
    .await
}

/// Stores an image that is `due` to be fetched again at this instant.
pub async fn keep(
    db: &Db,
    client_id: &str,
    uri: &str,
    name: &str,
    image: Vec<u8>,
    due: OffsetDateTime,
) -> Result<(), DbError> {
    let (client_id, uri, name) = (client_id.to_owned(), uri.to_owned(), name.to_owned());
    db.write(move |conn| {
        let same = logos::table.find(client_id).filter(logos::uri.eq(uri));
        let fetched = (logos::name.eq(name), logos::image.eq(image), logos::due.eq(due.unix_timestamp()));
        diesel::update(same).set(fetched).execute(conn)?;
        Ok(())
    })
    .await
}

/// The image with a name.
pub async fn image(db: &Db, name: &str) -> Result<Option<Vec<u8>>, DbError> {
    let name = name.to_owned();
    db.read(move |conn| {
        let named = logos::table.filter(logos::name.eq(name)).filter(logos::image.is_not_null());
        let found: Option<Option<Vec<u8>>> = named.select(logos::image).first(conn).optional()?;
        Ok(found.flatten())
    })
    .await
}
