//! Consents: the access that a person has granted to a client.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::events::{By, Event};
use super::schema::consents;
use crate::db::{Conn, Db, DbError, each};
use crate::protocol::consent::Consent;
use crate::protocol::event::Name;
use crate::protocol::instant::AHEAD;
use crate::protocol::scope::Scope;

/// A consent expires after this many seconds without use: 365 days.
const UNUSED: i64 = 365 * 24 * 3600;
/// The last use is written only when it moves by more than a day, in seconds.
const USE_STEP: i64 = 24 * 3600;

/// A stored consent.
struct Found {
    consent: Consent,
    used_at: i64,
    agreed_at: OffsetDateTime,
}

/// Finds a person's consent for a client. One with a last use in the future is not accepted.
fn find(conn: &mut Conn, user_id: &str, client_id: &str, now: i64) -> Result<Option<Found>, DbError> {
    let row: Option<(String, String, String, i64, i64)> = consents::table
        .find((user_id, client_id))
        .filter(consents::used_at.gt(now - UNUSED))
        .filter(consents::used_at.le(now + AHEAD.whole_seconds()))
        .select((
            consents::scopes,
            consents::resources,
            consents::claims,
            consents::used_at,
            consents::granted_at,
        ))
        .first(conn)
        .optional()?;
    let Some((scopes, resources, claims, used_at, agreed_at)) = row else { return Ok(None) };
    let resources = serde_json::from_str(&resources).map_err(|error| DbError::Broken(error.to_string()))?;
    let claims = claims.split_whitespace().map(str::to_owned).collect();
    let consent = Consent { scopes: Scope::parse(&scopes), resources, claims };
    // No later than now, whatever a clock said.
    let agreed_at = OffsetDateTime::from_unix_timestamp(agreed_at.min(now));
    let agreed_at = agreed_at.map_err(|error| DbError::Broken(error.to_string()))?;
    Ok(Some(Found { consent, used_at, agreed_at }))
}

/// When the person last agreed to the client, if the stored consent covers a request. Updates its last use.
pub async fn covers(
    db: &Db,
    user_id: &str,
    client_id: &str,
    asked: Consent,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, DbError> {
    let (user_id, client_id, now) = (user_id.to_owned(), client_id.to_owned(), now.unix_timestamp());
    let key = (user_id.clone(), client_id.clone());
    let found = db.read(move |conn| find(conn, &user_id, &client_id, now)).await?;
    let found = found.filter(|found| found.consent.covers(&asked));
    let Some(Found { used_at, agreed_at, .. }) = found else { return Ok(None) };
    if now - used_at > USE_STEP {
        db.write(move |conn| {
            diesel::update(consents::table.find(key)).set(consents::used_at.eq(now)).execute(conn)?;
            Ok(())
        })
        .await?;
    }
    Ok(Some(agreed_at))
}

/// Adds to a person's consent for a client.
pub async fn allow(
    db: &Db,
    user_id: &str,
    client_id: &str,
    allowed: Consent,
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    let (user_id, client_id, at) = (user_id.to_owned(), client_id.to_owned(), now);
    let now = at.unix_timestamp();
    let event = given(&allowed, &user_id, &client_id, &by.into());
    db.write(move |conn| {
        let row = (
            consents::user_id.eq(&user_id),
            consents::client_id.eq(&client_id),
            consents::scopes.eq(""),
            consents::resources.eq("[]"),
            consents::granted_at.eq(now),
            consents::used_at.eq(now),
        );
        each!(conn, |c| diesel::insert_into(consents::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c)?);
        // Writing to the row first locks it until the end, so that no concurrent consent is lost.
        let mine = consents::table.find((&user_id, &client_id));
        diesel::update(mine).set(consents::granted_at.eq(now)).execute(conn)?;
        let before = find(conn, &user_id, &client_id, now)?.map(|found| found.consent);
        let Consent { scopes, mut resources, mut claims } = before.unwrap_or_default();
        resources.extend(allowed.resources);
        resources.sort();
        resources.dedup();
        claims.extend(allowed.claims);
        let renewed = (
            consents::scopes.eq(scopes.union(&allowed.scopes).to_string()),
            consents::resources.eq(serde_json::Value::from(resources).to_string()),
            consents::claims.eq(claims.into_iter().collect::<Vec<_>>().join(" ")),
            consents::used_at.eq(now),
        );
        diesel::update(mine).set(renewed).execute(conn)?;
        event.record(conn, at)
    })
    .await
}

/// The event of a consent. A consent is no personal detail.
fn given(allowed: &Consent, user_id: &str, client_id: &str, by: &By) -> Event {
    let mut event = Event::new(Name::GrantGiven, by).about(user_id).client(client_id);
    event = event.with("scope", allowed.scopes.to_string());
    if !allowed.resources.is_empty() {
        event = event.with("resources", allowed.resources.clone());
    }
    if !allowed.claims.is_empty() {
        event = event.with("claims", allowed.claims.iter().cloned().collect::<Vec<_>>());
    }
    event
}
