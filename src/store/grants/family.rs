//! Families of refresh tokens, one row each. A use is one update on condition that the row is still as it was read.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use time::OffsetDateTime;

use crate::db::fixed::{Bind, fixed, statement};
use crate::db::{Db, DbError, each};
use crate::ids::GrantId;
use crate::protocol::family::Terms;
use crate::protocol::refresh::{Facts, Position};
use crate::protocol::revoked::Why;
use crate::protocol::user::User;
use crate::store::schema::grants;
use crate::store::users;

statement! { Found -> (
    Text, Text, Binary, BigInt, BigInt, BigInt, BigInt, BigInt, Nullable<BigInt>, Nullable<Text>, BigInt, BigInt,
    Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<BigInt>
):
    "SELECT g.client_id, g.terms, g.salt, g.generation, g.used_at, g.used_before, g.late_hits, g.idle_end, g.revoked_at, \
     g.revoked_why, g.absolute_end, g.created_at, u.login_shown, u.claims, c.id, d.exp FROM grants g \
     LEFT JOIN users u ON u.id = g.user_id AND u.disabled = FALSE \
     LEFT JOIN clients c ON c.id = g.client_id AND c.disabled = FALSE \
     LEFT JOIN dead_grants d ON d.id = g.id WHERE g.id = ?"
}

statement! { MoveOn -> ():
    "UPDATE grants SET generation = ?, used_at = ?, used_before = ?, late_hits = ?, idle_end = ? \
     WHERE id = ? AND generation = ? AND used_at = ? AND used_before = ? AND late_hits = ? AND idle_end = ? \
     AND revoked_at IS NULL"
}

#[derive(Queryable)]
struct Row {
    client_id: String,
    terms: String,
    salt: Vec<u8>,
    generation: i64,
    used_at: i64,
    used_before: i64,
    late_hits: i64,
    idle_end: i64,
    revoked_at: Option<i64>,
    revoked_why: Option<String>,
    absolute_end: i64,
    created_at: i64,
    login: Option<String>,
    claims: Option<String>,
    client: Option<String>,
    dead_until: Option<i64>,
}

/// A family, as one statement finds it with its person and its client.
#[derive(Debug)]
pub struct Family {
    /// The client it belongs to.
    pub client_id: String,
    /// What it was authorized for.
    pub terms: Terms,
    /// The salt of its tokens; the first byte is the version of their key.
    pub salt: Vec<u8>,
    /// The facts that its use is decided by.
    pub facts: Facts,
    /// The person; none when they are disabled or gone.
    pub user: Option<User>,
    /// Whether the client is enabled.
    pub has_client: bool,
}

/// Finds a family with its person and its client, in one statement and past every cache.
pub async fn find(db: &Db, id: GrantId) -> Result<Option<Family>, DbError> {
    db.read(move |conn| {
        let of = [Bind::Bytes(id.as_bytes())];
        let row: Option<Row> = each!(conn, |c| fixed::<Found>(&of).get_result(c).optional()?);
        row.map(Row::into_family).transpose()
    })
    .await
}

impl Row {
    fn into_family(self) -> Result<Family, DbError> {
        let terms = read_terms(&self.terms)?;
        let mut facts = Facts {
            position: Position {
                generation: count(self.generation)?,
                used_at: instant(self.used_at)?,
                used_before: instant(self.used_before)?,
                late_hits: count(self.late_hits)?,
                idle_end: instant(self.idle_end)?,
            },
            revoked: read_revoked(self.revoked_at, self.revoked_why.as_deref())?,
            absolute_end: instant(self.absolute_end)?,
            created_at: instant(self.created_at)?,
        };
        // The record is of a replay that came before the row was written.
        if facts.revoked.is_none() && self.dead_until.is_some() {
            facts.revoked = Some((facts.created_at, Why::CodeReplayed));
        }
        let user = match (self.login, self.claims) {
            (Some(login), Some(claims)) => {
                Some(users::user(terms.grant.person.user_id.clone(), login, false, &claims)?)
            }
            _ => None,
        };
        let has_client = self.client.is_some();
        Ok(Family { client_id: self.client_id, terms, salt: self.salt, facts, user, has_client })
    }
}

pub(super) fn read_terms(text: &str) -> Result<Terms, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Broken(format!("the terms of a grant: {error}")))
}

/// A reason that this version does not know still revokes.
pub(super) fn read_revoked(
    at: Option<i64>,
    why: Option<&str>,
) -> Result<Option<(OffsetDateTime, Why)>, DbError> {
    let Some(at) = at else { return Ok(None) };
    Ok(Some((instant(at)?, why.and_then(Why::from_text).unwrap_or(Why::ByOperator))))
}

pub(super) fn instant(seconds: i64) -> Result<OffsetDateTime, DbError> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|error| DbError::Broken(error.to_string()))
}

pub(super) fn count(number: i64) -> Result<u32, DbError> {
    u32::try_from(number).map_err(|error| DbError::Broken(error.to_string()))
}

/// A family that begins.
#[derive(Clone, Debug)]
pub struct New {
    /// The client it belongs to.
    pub client_id: String,
    /// What it was authorized for.
    pub terms: Terms,
    /// When the person last agreed to the client.
    pub agreed_at: OffsetDateTime,
    /// The salt of its tokens.
    pub salt: Vec<u8>,
    /// When it ends at the latest.
    pub absolute_end: OffsetDateTime,
    /// When it ends unless it is used.
    pub idle_end: OffsetDateTime,
}

/// What became of a family that was to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is a row now.
    New,
    /// There is a row of this identifier already: its code was redeemed before.
    Known,
    /// Its person or its client was removed.
    Orphan,
}

/// Begins a family. No event: it follows from a sign-in, which is one.
pub async fn begin(db: &Db, family: New, now: OffsetDateTime) -> Result<Begun, DbError> {
    let terms = serde_json::to_string(&family.terms).map_err(|error| DbError::Broken(error.to_string()))?;
    let (is_offline, grant, now) = (family.terms.is_offline(), family.terms.grant, now.unix_timestamp());
    let session_id = (!is_offline).then(|| grant.person.session_id.as_bytes().to_vec());
    let row = (
        grants::id.eq(grant.id.as_bytes().to_vec()),
        grants::client_id.eq(family.client_id),
        grants::user_id.eq(grant.person.user_id),
        grants::session_id.eq(session_id),
        grants::terms.eq(terms),
        grants::agreed_at.eq(family.agreed_at.unix_timestamp()),
        grants::salt.eq(family.salt),
        grants::generation.eq(0),
        grants::used_at.eq(now),
        grants::used_before.eq(now),
        grants::late_hits.eq(0),
        grants::absolute_end.eq(family.absolute_end.unix_timestamp()),
        grants::idle_end.eq(family.idle_end.unix_timestamp()),
        grants::created_at.eq(now),
    );
    let begun = db.write_one(move |conn| {
        diesel::insert_into(grants::table).values(row).execute(conn)?;
        Ok(Begun::New)
    });
    match begun.await {
        Err(error) if error.is_conflict() => Ok(Begun::Known),
        Err(error) if error.lacks_parent() => Ok(Begun::Orphan),
        begun => begun,
    }
}

/// Writes a use of a family; false when its row has changed since it was read.
pub async fn move_on(db: &Db, id: GrantId, from: Position, to: Position) -> Result<bool, DbError> {
    db.write_one(move |conn| {
        let position = |of: Position| {
            [
                Bind::Number(of.generation.into()),
                Bind::Number(of.used_at.unix_timestamp()),
                Bind::Number(of.used_before.unix_timestamp()),
                Bind::Number(of.late_hits.into()),
                Bind::Number(of.idle_end.unix_timestamp()),
            ]
        };
        let of = [&position(to)[..], &[Bind::Bytes(id.as_bytes())], &position(from)].concat();
        Ok(each!(conn, |c| fixed::<MoveOn>(&of).execute(c)?) == 1)
    })
    .await
}
