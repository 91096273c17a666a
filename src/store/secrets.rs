//! Long-lived secrets of this installation, sealed by the instance key.

use diesel::prelude::*;

use super::schema::secrets;
use crate::db::{Conn, DbError, each};

/// Stores a sealed secret unless one of this name exists; answers the one that is there.
pub fn get_or_insert(conn: &mut Conn, name: &str, sealed: Vec<u8>) -> Result<Vec<u8>, DbError> {
    let row = (secrets::name.eq(name), secrets::sealed.eq(sealed));
    each!(conn, |c| diesel::insert_into(secrets::table).values(row).on_conflict_do_nothing().execute(c)?);
    Ok(secrets::table.find(name).select(secrets::sealed).first(conn)?)
}

/// Every secret by its name, sealed.
pub fn list(conn: &mut Conn) -> Result<Vec<(String, Vec<u8>)>, DbError> {
    Ok(secrets::table.order(secrets::name).load(conn)?)
}

/// Replaces the seal around a secret; the secret never changes.
pub fn reseal(conn: &mut Conn, name: &str, sealed: Vec<u8>) -> Result<(), DbError> {
    diesel::update(secrets::table.find(name)).set(secrets::sealed.eq(sealed)).execute(conn)?;
    Ok(())
}
