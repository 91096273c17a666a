//! Signing keys, sealed.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::schema::signing_keys;
use crate::db::{Conn, DbError};

/// A stored signing key.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = signing_keys)]
pub struct StoredKey {
    /// The RFC 7638 thumbprint.
    pub kid: String,
    /// The one algorithm it is used with.
    pub alg: String,
    /// Where it is in its life; for now always `active`.
    pub state: String,
    /// The public JWK.
    pub public_jwk: String,
    /// The private key in PKCS#8 DER, sealed.
    pub private_sealed: Option<Vec<u8>>,
    /// When it was made, in seconds since the epoch.
    pub created_at: i64,
    /// Since when it is in this state, in seconds since the epoch.
    pub since: i64,
}

/// Every key, oldest first.
pub fn list(conn: &mut Conn) -> Result<Vec<StoredKey>, DbError> {
    Ok(signing_keys::table.order((signing_keys::created_at, signing_keys::kid)).load(conn)?)
}

/// Stores a new key and tells the audit trail.
pub fn insert(conn: &mut Conn, key: &StoredKey, now: OffsetDateTime) -> Result<(), DbError> {
    diesel::insert_into(signing_keys::table).values(key).execute(conn)?;
    let event =
        super::audit::Event { actor: "system", event: "key.made", subject: &key.kid, detail: &key.alg };
    super::audit::record(conn, &event, now)
}
