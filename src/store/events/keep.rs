//! Sweeping events at the end of their retention.

use std::collections::BTreeMap;

use diesel::prelude::*;
use time::OffsetDateTime;

use crate::db::{Conn, Db, DbError};
use crate::protocol::event::{Class, Keep, Name};
use crate::store::schema::events;

/// Number of events that one step deletes at most.
const AT_ONCE: u16 = 500;

/// The instant up to which each class is swept, so that a sweep reads only events that have become old since. It is not
/// stored, because the retention may differ after a restart.
#[derive(Default)]
pub struct Swept(BTreeMap<Class, i64>);

/// Deletes up to 500 old events of each class; answers the largest number of one class.
///
/// An event with an unknown name is retained like a change.
pub async fn sweep(db: &Db, keep: &Keep, swept: &mut Swept, now: OffsetDateTime) -> Result<usize, DbError> {
    let mut most = 0;
    for class in Class::ALL {
        let until = (now - keep.of(class)).unix_timestamp();
        let since = swept.0.get(&class).copied().unwrap_or(i64::MIN);
        let old = db.read(move |conn| old(conn, class, since, until)).await?;
        most = most.max(old.len());
        if old.len() < usize::from(AT_ONCE) {
            swept.0.insert(class, until);
        }
        if !old.is_empty() {
            let old = events::table.filter(events::id.eq_any(old));
            db.write(move |conn| Ok(diesel::delete(old).execute(conn)?)).await?;
        }
    }
    Ok(most)
}

/// The oldest events of a class between two instants.
fn old(conn: &mut Conn, class: Class, since: i64, until: i64) -> Result<Vec<String>, DbError> {
    let named = |which: fn(Class, Class) -> bool| {
        Name::ALL.iter().filter(move |name| which(name.class(), class)).map(|name| name.text())
    };
    let old = events::table.filter(events::at.gt(since)).filter(events::at.le(until));
    let old = old.select(events::id).order(events::at).limit(AT_ONCE.into());
    Ok(match class {
        Class::Change => old.filter(events::event.ne_all(named(|a, b| a != b))).load(conn)?,
        Class::SignIn | Class::Security => {
            old.filter(events::event.eq_any(named(|a, b| a == b))).load(conn)?
        }
    })
}
