//! Authorization codes: put once, spent once.

use time::OffsetDateTime;

use super::StateError;
use super::kv::{Key, Spend};
use super::mac::MacKv;
use crate::protocol::code::{CodeGrant, LATE, LIFETIME, REMEMBERED};
use crate::secret::{Token, base64url, sha256};

/// The drawer of authorization codes.
#[derive(Clone)]
pub struct Codes {
    kv: MacKv,
}

impl Codes {
    pub(super) fn new(kv: MacKv) -> Codes {
        Codes { kv }
    }

    /// Mints a code for a client. It is kept a little longer than it is good for, so that who comes too late
    /// can be told so; [`CodeGrant::check_age`] holds it to its time.
    pub async fn mint(
        &self,
        client_id: &str,
        grant: &CodeGrant,
        now: OffsetDateTime,
    ) -> Result<Token, StateError> {
        let code = Token::generate();
        let value = serde_json::to_vec(grant).map_err(|error| StateError::Broken(error.to_string()))?;
        self.kv.put(&key(client_id, code.expose()), &value, now + LIFETIME + LATE).await?;
        Ok(code)
    }

    /// Spends a code, in one step, before anything is decided on it. Another client's attempt finds
    /// nothing and burns nothing.
    pub async fn spend(
        &self,
        client_id: &str,
        code: &str,
        now: OffsetDateTime,
    ) -> Result<Spend<CodeGrant>, StateError> {
        let read = |value: Vec<u8>| {
            serde_json::from_slice(&value).map_err(|error| StateError::Broken(error.to_string()))
        };
        Ok(match self.kv.spend(&key(client_id, code), now + REMEMBERED, now).await? {
            Spend::Fresh(value) => Spend::Fresh(read(value)?),
            Spend::Spent(value) => Spend::Spent(read(value)?),
            Spend::Unknown => Spend::Unknown,
        })
    }
}

fn key(client_id: &str, code: &str) -> Key {
    Key::new('c', &base64url(&sha256([client_id.as_bytes(), &[0], code.as_bytes()].concat().as_slice())))
}
