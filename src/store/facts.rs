//! Facts about this database: its version, its instance key, whether it is a demo's.

use diesel::prelude::*;
use time::{Duration, OffsetDateTime};

use super::CODE_VERSION;
use super::schema::facts;
use crate::db::{Conn, Db, DbError, each};

/// A fact by its name.
pub fn get(conn: &mut Conn, name: &str) -> Result<Option<String>, DbError> {
    Ok(facts::table.find(name).select(facts::value).first(conn).optional()?)
}

/// Records a fact, in place of an older one.
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

/// Records a fact unless there is one of this name; answers the one that is there.
pub fn get_or_insert(conn: &mut Conn, name: &str, value: &str) -> Result<String, DbError> {
    let row = (facts::name.eq(name), facts::value.eq(value));
    each!(conn, |c| diesel::insert_into(facts::table).values(row).on_conflict_do_nothing().execute(c)?);
    Ok(facts::table.find(name).select(facts::value).first(conn)?)
}

/// Tries to write, and takes it back: a server that takes questions may still refuse to be written to, for want of a
/// right or because its file is another account's.
pub async fn try_writing(db: &Db) -> Result<(), DbError> {
    let tried = db.write(|conn| {
        set(conn, "probe", "")?;
        Err(DbError::Query(diesel::result::Error::RollbackTransaction))
    });
    tried.await.or_else(|error| if error.was_taken_back() { Ok(()) } else { Err(error) })
}

/// Keeps others from changing a fact, or locking it, until this transaction ends.
pub fn lock(conn: &mut Conn, name: &str) -> Result<(), DbError> {
    diesel::update(facts::table.find(name)).set(facts::value.eq(facts::value)).execute(conn)?;
    Ok(())
}

/// What time the database's own clock says it is; none when it is this machine's.
pub fn database_clock(conn: &mut Conn) -> Result<Option<OffsetDateTime>, DbError> {
    let Conn::Pg(pg) = conn else { return Ok(None) };
    let clock =
        diesel::dsl::sql::<diesel::sql_types::Double>("extract(epoch from clock_timestamp())::float8");
    let seconds: f64 = diesel::select(clock).get_result(pg)?;
    Ok(Some(OffsetDateTime::UNIX_EPOCH + Duration::seconds_f64(seconds)))
}

/// Refuses a database that only a newer program understands.
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
