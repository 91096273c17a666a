//! Opaque access tokens: random texts, whose claims are kept under their hash until they expire.

use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::StateError;
use super::kv::{Drawer, Key};
use super::mac::MacKv;
use crate::secret::{Token, TokenHash, base64url};

/// What each of them begins with, so that a leaked one is recognised for what it is.
const PREFIX: &str = "at_";
/// The length of one, in characters.
const LENGTH: usize = PREFIX.len() + 43;

/// The drawer of opaque access tokens. A store that loses its values loses them, as it loses sessions.
#[derive(Clone)]
pub struct AccessTokens {
    kv: MacKv,
}

impl AccessTokens {
    pub(super) fn new(kv: MacKv) -> AccessTokens {
        AccessTokens { kv }
    }

    /// Issues a token with these claims, which ends at `exp`; returns its text.
    pub async fn put(&self, claims: &impl Serialize, exp: OffsetDateTime) -> Result<String, StateError> {
        let text = format!("{PREFIX}{}", Token::generate().expose());
        let claims = serde_json::to_vec(claims).map_err(|error| StateError::Broken(error.to_string()))?;
        self.kv.put(&key(&text), &claims, exp).await?;
        Ok(text)
    }

    /// The claims of a token that has neither expired nor been removed. Whether its grant, person and client are still
    /// there is not known here.
    pub async fn find(
        &self,
        text: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Map<String, Value>>, StateError> {
        if !is_opaque(text) {
            return Ok(None);
        }
        let claims = self.kv.get(&key(text), now).await?;
        let claims = claims.map(|claims| serde_json::from_slice(&claims)).transpose();
        claims.map_err(|error| StateError::Broken(error.to_string()))
    }

    /// Removes a token; false when there was none.
    pub async fn remove(&self, text: &str, now: OffsetDateTime) -> Result<bool, StateError> {
        if !is_opaque(text) {
            return Ok(false);
        }
        let key = key(text);
        match self.kv.find(&key, now).await? {
            Some(found) => self.kv.del_same(&key, &found, now).await,
            None => Ok(false),
        }
    }
}

/// Tells whether a text has the form of an opaque access token.
pub fn is_opaque(text: &str) -> bool {
    text.len() == LENGTH && text.starts_with(PREFIX)
}

fn key(text: &str) -> Key {
    Key::new(Drawer::AccessToken, &base64url(TokenHash::of(text).as_bytes()))
}
