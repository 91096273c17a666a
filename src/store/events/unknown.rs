//! Attempts with names of no account: one row for each network and minute, with a count. A typed name is stored as a keyed
//! hash only.

use std::collections::BTreeSet;

use diesel::prelude::*;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::{Builder, Uuid};

use super::Event;
use crate::db::{Conn, DbError, each};
use crate::secret::sha256;
use crate::store::schema::events;

/// The member with the number of attempts.
const COUNT: &str = "count";
/// The member with the keyed hashes of the typed names.
pub const TYPED: &str = "typed";
/// Number of different names stored in a row.
const MOST_NAMES: usize = 16;

/// Attempts from one network within one minute.
#[derive(Clone)]
pub(super) struct Unknown {
    event: Event,
    at: OffsetDateTime,
    tries: Tries,
}

/// Their number, and their names.
#[derive(Clone, Default)]
struct Tries {
    count: u64,
    typed: BTreeSet<String>,
}

impl Tries {
    fn read(context: &Map<String, Value>) -> Tries {
        let typed = context.get(TYPED).and_then(Value::as_array).into_iter().flatten();
        let typed = typed.filter_map(Value::as_str).map(str::to_owned).collect();
        Tries { count: context.get(COUNT).and_then(Value::as_u64).unwrap_or_default(), typed }
    }

    fn add(&mut self, other: &Tries) {
        self.count += other.count;
        self.typed.extend(other.typed.iter().cloned());
        while self.typed.len() > MOST_NAMES {
            self.typed.pop_last();
        }
    }

    fn write(self, context: &mut Map<String, Value>) {
        context.insert(COUNT.into(), self.count.into());
        context.insert(TYPED.into(), self.typed.into_iter().collect());
    }
}

/// The row of the event's network and minute, the same on every node.
pub(super) fn row(event: &Event, at: OffsetDateTime) -> Uuid {
    let minute = at.unix_timestamp().div_euclid(60) * 60;
    let network = event.by.network.as_deref().unwrap_or_default();
    let hash = sha256(format!("{minute} {network}").as_bytes());
    let tail = hash.first_chunk::<10>().unwrap_or(&[0; 10]);
    Builder::from_unix_timestamp_millis(u64::try_from(minute * 1000).unwrap_or_default(), tail).into_uuid()
}

impl Unknown {
    /// The first attempt.
    pub(super) fn new(mut event: Event, at: OffsetDateTime) -> Unknown {
        let typed = event.context.remove(TYPED);
        let typed = typed.as_ref().and_then(Value::as_str).map(str::to_owned).into_iter().collect();
        Unknown { event, at, tries: Tries { count: 1, typed } }
    }

    /// Adds further attempts.
    pub(super) fn add(&mut self, other: &Unknown) {
        self.tries.add(&other.tries);
    }
}

/// Adds attempts to their row. Answers the number of statements.
pub(super) fn merge(conn: &mut Conn, row: Uuid, unknown: Unknown) -> Result<u64, DbError> {
    let Unknown { mut event, at, tries } = unknown;
    tries.clone().write(&mut event.context);
    let (new, asked) = event.to_row(conn, row, at)?;
    let inserted = each!(conn, |c| diesel::insert_into(events::table)
        .values(new)
        .on_conflict_do_nothing()
        .execute(c)?);
    if inserted == 1 {
        return Ok(asked + 1);
    }
    let id = row.to_string();
    let there = events::table.find(&id);
    // Writing to the row first locks it until the end, so that concurrent nodes lose no attempt.
    diesel::update(there).set(events::at.eq(events::at)).execute(conn)?;
    let stored: String = there.select(events::context).first(conn)?;
    let mut context: Map<String, Value> = serde_json::from_str(&stored).unwrap_or_default();
    let mut sum = Tries::read(&context);
    sum.add(&tries);
    sum.write(&mut context);
    let context = Value::Object(context).to_string();
    diesel::update(there).set(events::context.eq(context)).execute(conn)?;
    Ok(asked + 4)
}
