//! Facts about this database: its version, its instance key, whether it belongs to a demo.

use diesel::prelude::*;
use time::{Duration, OffsetDateTime};

use super::CODE_VERSION;
use super::schema::facts;
use crate::db::{Conn, Db, DbError, each};

/// A fact by its name.
pub fn get(conn: &mut Conn, name: &str) -> Result<Option<String>, DbError> {
    Ok(facts::table.find(name).select(facts::value).first(conn).optional()?)
}

/// Stores a fact; an older one is replaced.
pub fn set(conn: &mut Conn, name: &str, value: &str) -> Result<(), DbError> {
    let row = (facts::name.eq(name), facts::value.eq(value));
    each!(conn, |c| diesel::insert_into(facts::table)
        .values(row)
        .on_conflict(facts::name)
        .do_update()
        .set(facts::value.eq(value))
        .execute(c)?);
    Ok(())
}

/// Stores a fact unless one with this name exists; answers the stored one.
pub fn get_or_insert(conn: &mut Conn, name: &str, value: &str) -> Result<String, DbError> {
    let row = (facts::name.eq(name), facts::value.eq(value));
    each!(conn, |c| diesel::insert_into(facts::table).values(row).on_conflict_do_nothing().execute(c)?);
    Ok(facts::table.find(name).select(facts::value).first(conn)?)
}

/// Tries to write, and rolls back: a database that can be read may refuse writes, for want of a privilege or because the
/// file belongs to another account.
pub async fn try_writing(db: &Db) -> Result<(), DbError> {
    let tried = db.write(|conn| {
        set(conn, "probe", "")?;
        Err(DbError::Query(diesel::result::Error::RollbackTransaction))
    });
    tried.await.or_else(|error| if error.was_taken_back() { Ok(()) } else { Err(error) })
}

/// Locks a fact against changes until this transaction ends.
pub fn lock(conn: &mut Conn, name: &str) -> Result<(), DbError> {
    diesel::update(facts::table.find(name)).set(facts::value.eq(facts::value)).execute(conn)?;
    Ok(())
}

/// The time of the database's clock; none for the embedded engine, which uses this machine's.
pub fn database_clock(conn: &mut Conn) -> Result<Option<OffsetDateTime>, DbError> {
    let Conn::Pg(pg) = conn else { return Ok(None) };
    let clock =
        diesel::dsl::sql::<diesel::sql_types::Double>("extract(epoch from clock_timestamp())::float8");
    let seconds: f64 = diesel::select(clock).get_result(pg)?;
    Ok(Some(OffsetDateTime::UNIX_EPOCH + Duration::seconds_f64(seconds)))
}

/// Refuses a database that needs a newer program.
pub fn check_version(db: &Db) -> Result<(), DbError> {
    let needed: Option<i64> = db.read_now(|conn| get(conn, "min_code_version"))?.and_then(|v| v.parse().ok());
    match needed {
        Some(needed) if needed <= CODE_VERSION => Ok(()),
        Some(needed) => Err(DbError::Broken(format!(
            "it needs a newer program: this one knows schema version {CODE_VERSION}, the database asks for {needed}"
        ))),
        None => Err(DbError::Broken("it does not say which program it needs".into())),
    }
}
