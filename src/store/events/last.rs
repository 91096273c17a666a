//! The last sign-in of each person, which stays when events are swept.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use diesel::upsert::excluded;
use time::OffsetDateTime;

use crate::db::{Conn, Db, DbError, each};
use crate::store::schema::last_sign_ins;

/// A person's last sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastSignIn {
    /// Its time.
    pub at: OffsetDateTime,
    /// The application it was for.
    pub client: Option<String>,
}

/// The accepted skew of another node's clock, in seconds.
const AHEAD: i64 = 30;

/// Stores a sign-in, unless a later one is stored. A stored one with a time in the future, from a clock that ran ahead, is
/// replaced. Answers the number of statements.
pub(super) fn signed_in(
    conn: &mut Conn,
    person: &str,
    client: Option<&str>,
    at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<u64, DbError> {
    let row = (
        last_sign_ins::person.eq(person),
        last_sign_ins::at.eq(at.unix_timestamp()),
        last_sign_ins::client.eq(client),
    );
    let later = (
        last_sign_ins::at.eq(excluded(last_sign_ins::at)),
        last_sign_ins::client.eq(excluded(last_sign_ins::client)),
    );
    each!(conn, |c| {
        let upsert = diesel::insert_into(last_sign_ins::table).values(row);
        let upsert = upsert.on_conflict(last_sign_ins::person).do_update().set(later);
        let is_earlier = last_sign_ins::at.le(excluded(last_sign_ins::at));
        let is_ahead = last_sign_ins::at.gt(now.unix_timestamp() + AHEAD);
        upsert.filter(is_earlier.or(is_ahead)).execute(c)?
    });
    Ok(1)
}

/// The last sign-in of each of these people, if there is one.
pub async fn last_sign_ins(db: &Db, people: Vec<String>) -> Result<BTreeMap<String, LastSignIn>, DbError> {
    db.read(move |conn| {
        let mut found = BTreeMap::new();
        // Every database accepts that many values in one statement.
        for some in people.chunks(500) {
            let rows: Vec<(String, i64, Option<String>)> =
                QueryDsl::filter(last_sign_ins::table, last_sign_ins::person.eq_any(some)).load(conn)?;
            for (person, at, client) in rows {
                let at = OffsetDateTime::from_unix_timestamp(at);
                let at = at.map_err(|error| DbError::Broken(error.to_string()))?;
                found.insert(person, LastSignIn { at, client });
            }
        }
        Ok(found)
    })
    .await
}
