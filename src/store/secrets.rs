//! Long-lived secrets of this installation, sealed under the instance key.

use diesel::prelude::*;

use super::schema::secrets;
use crate::db::{Conn, DbError, each};

/// Stores a sealed secret unless one with this name exists; answers the stored one.
pub fn get_or_insert(conn: &mut Conn, name: &str, sealed: Vec<u8>) -> Result<Vec<u8>, DbError> {
    let row = (secrets::name.eq(name), secrets::sealed.eq(sealed));
    each!(conn, |c| diesel::insert_into(secrets::table).values(row).on_conflict_do_nothing().execute(c)?);
    Ok(secrets::table.find(name).select(secrets::sealed).first(conn)?)
}

/// Every sealed secret, by name.
pub fn list(conn: &mut Conn) -> Result<Vec<(String, Vec<u8>)>, DbError> {
    Ok(secrets::table.order(secrets::name).load(conn)?)
}

/// Stores a secret that was sealed anew; the secret itself never changes.
pub fn reseal(conn: &mut Conn, name: &str, sealed: Vec<u8>) -> Result<(), DbError> {
    diesel::update(secrets::table.find(name)).set(secrets::sealed.eq(sealed)).execute(conn)?;
    Ok(())
}
