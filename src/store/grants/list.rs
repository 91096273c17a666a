//! Grants that are rows, for operators.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::family::{count, instant, read_revoked, read_terms};
use crate::db::{Db, DbError};
use crate::ids::GrantId;
use crate::protocol::family::Terms;
use crate::protocol::refresh::{Facts, Position};
use crate::store::schema::grants;

/// A filter of grants.
#[derive(Clone, Default)]
pub struct Wanted {
    /// Only those of this person, by identifier.
    pub person: Option<String>,
    /// Only those of this application, by `client_id`.
    pub client: Option<String>,
    /// Number of grants at most: the newest.
    pub most: i64,
}

/// A grant, for an operator.
#[derive(Debug)]
pub struct Listed {
    /// The grant.
    pub id: GrantId,
    /// The application.
    pub client_id: String,
    /// What was authorized.
    pub terms: Terms,
    /// When the person last agreed to the application.
    pub agreed_at: OffsetDateTime,
    /// Its state.
    pub facts: Facts,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = grants)]
struct Row {
    id: Vec<u8>,
    client_id: String,
    terms: String,
    agreed_at: i64,
    generation: i64,
    used_at: i64,
    used_before: i64,
    late_hits: i64,
    revoked_at: Option<i64>,
    revoked_why: Option<String>,
    absolute_end: i64,
    idle_end: i64,
    created_at: i64,
}

/// The newest grants of a filter, the newest first. Those that ended are listed until they are swept.
pub async fn list(db: &Db, wanted: Wanted) -> Result<Vec<Listed>, DbError> {
    db.read(move |conn| {
        let mut query = grants::table.select(Row::as_select()).into_boxed();
        if let Some(person) = &wanted.person {
            query = query.filter(grants::user_id.eq(person));
        }
        if let Some(client) = &wanted.client {
            query = query.filter(grants::client_id.eq(client));
        }
        let rows = query.order((grants::created_at.desc(), grants::id)).limit(wanted.most).load(conn)?;
        rows.into_iter().map(Row::into_listed).collect()
    })
    .await
}

/// One grant.
pub async fn by_id(db: &Db, id: GrantId) -> Result<Option<Listed>, DbError> {
    db.read(move |conn| {
        let row = grants::table.find(id.as_bytes().to_vec()).select(Row::as_select());
        row.first(conn).optional()?.map(Row::into_listed).transpose()
    })
    .await
}

impl Row {
    fn into_listed(self) -> Result<Listed, DbError> {
        let id = GrantId::from_bytes(&self.id);
        let facts = Facts {
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
        Ok(Listed {
            id: id.ok_or_else(|| DbError::Broken("the identifier of a grant".into()))?,
            client_id: self.client_id,
            terms: read_terms(&self.terms)?,
            agreed_at: instant(self.agreed_at)?,
            facts,
        })
    }
}
