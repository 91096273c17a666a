//! MACs under client secrets.

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::verify::{Header, LONGEST};
use crate::keys::KeyError;
use crate::secret::{base64url, from_base64url, hmac, same};

/// Tells, in constant time, whether a MAC was made under this secret.
///
/// Spec: RFC 7518 §3.2
pub fn mac_matches(secret: &str, message: &[u8], mac: &[u8]) -> bool {
    same(&hmac(secret.as_bytes(), &[message]), mac)
}

/// Claims as a compact JWS with a MAC under this secret. No `kid` names the key: it is in no key set.
///
/// Spec: RFC 7515 §7.1, RFC 7518 §3.2, OpenID Connect Core §10.1
pub fn sign_with_secret<T: Serialize>(secret: &str, typ: &str, claims: &T) -> Result<String, KeyError> {
    let json = |error: serde_json::Error| KeyError::Crypto(error.to_string());
    let mut token = base64url(json!({ "alg": "HS256", "typ": typ }).to_string().as_bytes());
    token.push('.');
    BASE64URL_NOPAD.encode_append(&serde_json::to_vec(claims).map_err(json)?, &mut token);
    let mac = hmac(secret.as_bytes(), &[token.as_bytes()]);
    token.push('.');
    BASE64URL_NOPAD.encode_append(&mac, &mut token);
    Ok(token)
}

/// A token with a MAC that was not verified yet: whose secret is its key is known only from its claims.
pub struct Maced<T> {
    /// The header's `typ`, in lower case and without `application/`.
    pub typ: Option<String>,
    /// The payload.
    pub claims: T,
    message: String,
    mac: Vec<u8>,
}

impl<T: DeserializeOwned> Maced<T> {
    /// Reads a compact JWS whose header says HS256; none for anything else.
    pub fn read(token: &str) -> Option<Maced<T>> {
        let (message, mac) = token.rsplit_once('.').filter(|_| token.len() <= LONGEST)?;
        let (header, payload) = message.split_once('.')?;
        let header: Header = serde_json::from_slice(&from_base64url(header)?).ok()?;
        if header.alg != "HS256" || header.crit.is_some() {
            return None;
        }
        let claims = serde_json::from_slice(&from_base64url(payload)?).ok()?;
        Some(Maced { typ: header.kind(), claims, message: message.to_owned(), mac: from_base64url(mac)? })
    }

    /// Tells, in constant time, whether the MAC was made under this secret.
    pub fn is_by(&self, secret: &str) -> bool {
        mac_matches(secret, self.message.as_bytes(), &self.mac)
    }
}
