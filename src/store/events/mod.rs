//! Events: what happened, its actor, the interface, the outcome. The event of a change is written in the transaction of
//! that change.
//!
//! Personal detail is sealed under a key of the person that it is about ([`Vault`]). When that key is deleted, the detail
//! cannot be read any more; the rest of the event stays.

mod batch; // events of sign-ins, written in batches
mod by; // actors
mod keep; // sweeping
mod list; // reading
mod metrics; // events that wait or were lost
mod last; // the last sign-in of each person
mod unknown; // attempts with unknown names
mod vault; // keys for personal detail

use diesel::prelude::*;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::schema::events;
use crate::db::{Conn, DbError};
use crate::protocol::event::{Name, Outcome};

pub use batch::{Batch, Tally};
pub use by::{Actor, By};
pub use keep::{Swept, sweep};
pub use last::{LastSignIn, last_sign_ins};
pub use list::{Personal, StoredEvent, Wanted, list};
pub use unknown::TYPED;
pub use vault::Vault;

/// The member of `context` that says why personal detail was left out.
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

/// An event that is to be written.
#[derive(Clone)]
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
    /// An event with outcome `ok`.
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

    /// Sets the person, the key or the resource that it is about, by identifier.
    pub fn about(self, subject: &str) -> Event {
        Event { subject: Some(subject.into()), ..self }
    }

    /// Sets the application that it is about, or for which it happened.
    pub fn client(self, id: &str) -> Event {
        Event { client: Some(id.into()), ..self }
    }

    /// Sets another outcome.
    pub fn ended(self, outcome: Outcome) -> Event {
        Event { outcome, ..self }
    }

    /// Adds detail that is neither secret nor personal.
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Event {
        self.context.insert(member.into(), value.into());
        self
    }

    /// Adds personal detail: an address, a browser, a value of a person's account. It is sealed under the key of the person
    /// that the event is about.
    pub fn personal(mut self, member: &str, value: impl Into<Value>) -> Event {
        self.personal.insert(member.into(), value.into());
        self
    }

    /// Writes it in the caller's transaction.
    pub fn record(self, conn: &mut Conn, now: OffsetDateTime) -> Result<(), DbError> {
        let (row, _) = self.to_row(conn, Uuid::now_v7(), now)?;
        diesel::insert_into(events::table).values(row).execute(conn)?;
        Ok(())
    }

    /// The row, with sealed personal detail, and the number of statements for that.
    fn to_row(&self, conn: &mut Conn, id: Uuid, at: OffsetDateTime) -> Result<(Row, u64), DbError> {
        let Event { name, by, subject, client, outcome, .. } = self;
        let (id, mut context) = (id.to_string(), self.context.clone());
        let (sealed, asked, why) = match (&by.vault, subject) {
            _ if self.personal.is_empty() => (None, 0, ""),
            (Some(vault), Some(person)) => {
                let (sealed, asked) = vault.seal(conn, person, &id, &self.personal)?;
                (sealed, asked, "because the key of the person does not open")
            }
            _ => (None, 0, "because the instance key was not at hand"),
        };
        if sealed.is_none() && !self.personal.is_empty() {
            context.insert(LEFT_OUT.into(), format!("personal detail, {why}").into());
        }
        let row = Row {
            id,
            seq: None,
            at: at.unix_timestamp(),
            actor_kind: by.actor.kind().into(),
            actor: by.actor.name().map(str::to_owned),
            event: name.text().into(),
            subject: subject.clone(),
            client: client.clone(),
            outcome: outcome.text().into(),
            via: by.actor.via().into(),
            request_id: by.request_id.clone(),
            network: by.network.clone(),
            context: Value::Object(context).to_string(),
            sealed,
        };
        Ok((row, asked))
    }
}
