//! The value of the session cookie.

use crate::ids::RecordId;
use crate::secret::{Token, TokenHash, base64url, from_base64url};

/// The cookie's value: 16 bytes that name the record, then its secret.
pub(super) fn cookie(id: RecordId, secret: &Token) -> String {
    format!("{id}{}", secret.expose())
}

/// The record that a cookie names, and the hash of its secret.
pub(super) fn parse(cookie: &str) -> Option<(RecordId, String)> {
    let (id, secret) = cookie.split_at_checked(22)?;
    from_base64url(secret).filter(|bytes| bytes.len() == 32)?;
    Some((RecordId::parse(id)?, base64url(TokenHash::of(secret).as_bytes())))
}
