//! What happened, by whom, through what, and how it ended. A change is told in the transaction that makes it.
//!
//! Personal detail is sealed under a key of the person it is about ([`vault`]): without that key's row nothing
//! of it can be read again, and the rest of the event stays.

mod by; // who does something, and through what
mod vault; // the keys under which personal detail is sealed

use diesel::prelude::*;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::schema::events;
use crate::db::{Conn, DbError};
use crate::protocol::event::{Name, Outcome};

pub use by::{Actor, By, Via};
pub use vault::Vault;

/// The member of `context` that says that personal detail was not kept, and why.
const LEFT_OUT: &str = "left_out";

/// A row.
#[derive(Queryable, Insertable)]
#[diesel(table_name = events)]
struct Row {
    id: String,
    seq: Option<i64>,
    at: i64,
    actor_kind: String,
    actor: Option<String>,
    event: String,
    subject: Option<String>,
    client: Option<String>,
    outcome: String,
    via: String,
    request_id: Option<String>,
    network: Option<String>,
    context: String,
    sealed: Option<Vec<u8>>,
}

/// An event that is about to be written.
pub struct Event {
    name: Name,
    by: By,
    subject: Option<String>,
    client: Option<String>,
    outcome: Outcome,
    context: Map<String, Value>,
    personal: Map<String, Value>,
}

impl Event {
    /// Something that was done.
    pub fn new(name: Name, by: &By) -> Event {
        Event {
            name,
            by: by.clone(),
            subject: None,
            client: None,
            outcome: Outcome::Ok,
            context: Map::new(),
            personal: Map::new(),
        }
    }

    /// The person or the key it is about, by identifier.
    pub fn about(self, subject: &str) -> Event {
        Event { subject: Some(subject.into()), ..self }
    }

    /// The application it is about, or that it happened for.
    pub fn client(self, id: &str) -> Event {
        Event { client: Some(id.into()), ..self }
    }

    /// One of the particulars: nothing secret, and nothing personal.
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Event {
        self.context.insert(member.into(), value.into());
        self
    }

    /// One of the particulars that are personal: an address, a browser, a value of a person's account. It is
    /// sealed for the person that the event is about.
    pub fn personal(mut self, member: &str, value: impl Into<Value>) -> Event {
        self.personal.insert(member.into(), value.into());
        self
    }

    /// Records it in the caller's transaction.
    pub fn record(self, conn: &mut Conn, now: OffsetDateTime) -> Result<(), DbError> {
        let row = self.into_row(conn, Uuid::now_v7(), now)?;
        diesel::insert_into(events::table).values(row).execute(conn)?;
        Ok(())
    }

    /// The row, with its personal detail sealed.
    fn into_row(mut self, conn: &mut Conn, id: Uuid, at: OffsetDateTime) -> Result<Row, DbError> {
        let id = id.to_string();
        let sealed = match (&self.by.vault, &self.subject) {
            _ if self.personal.is_empty() => None,
            (Some(vault), Some(person)) => Some(vault.seal(conn, person, &id, &self.personal)?),
            _ => {
                let why = "personal detail, because the instance key was not at hand";
                self.context.insert(LEFT_OUT.into(), why.into());
                None
            }
        };
        Ok(Row {
            id,
            seq: None,
            at: at.unix_timestamp(),
            actor_kind: self.by.actor.kind().into(),
            actor: self.by.actor.name().map(str::to_owned),
            event: self.name.text().into(),
            subject: self.subject,
            client: self.client,
            outcome: self.outcome.text().into(),
            via: self.by.via.text().into(),
            request_id: self.by.request_id,
            network: self.by.network,
            context: Value::Object(self.context).to_string(),
            sealed,
        })
    }
}
