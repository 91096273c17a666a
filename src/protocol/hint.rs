//! `id_token_hint`: ID Tokens of this provider that are sent back. A hint selects an account and does not
//! authenticate. Its signature must be valid; its expiry is ignored.

use serde::Deserialize;
use time::OffsetDateTime;

use crate::protocol::instant::seconds_since;
use crate::protocol::session::{Account, sid};
use crate::protocol::subject::Naming;
use crate::secret::Key;

/// What a verified `id_token_hint` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The person it identifies.
    pub sub: String,
    /// The client it was issued to.
    pub client_id: String,
    /// The identifier of the session for that client.
    pub sid: Option<String>,
}

/// The claims of a token with a valid signature.
#[derive(Clone, Debug, Deserialize)]
pub struct HintClaims {
    iss: String,
    sub: String,
    aud: String,
    iat: i64,
    sid: Option<String>,
}

impl HintClaims {
    /// The client that the token says it was issued to.
    pub fn audience(&self) -> &str {
        &self.aud
    }
}

impl Hint {
    /// Accepts an ID Token of this provider as a hint, and no other kind of token.
    ///
    /// Spec: OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2
    pub fn accept(
        typ: Option<&str>,
        claims: HintClaims,
        issuer: &str,
        now: OffsetDateTime,
    ) -> Result<Hint, &'static str> {
        if !matches!(typ, None | Some("jwt")) {
            return Err("it is no ID Token");
        }
        if claims.iss != issuer {
            return Err("it is of another issuer");
        }
        if seconds_since(claims.iat, now.unix_timestamp()).is_none() {
            return Err("it is dated in the future");
        }
        Ok(Hint { sub: claims.sub, client_id: claims.aud, sid: claims.sid })
    }

    /// The account that the hint is about, among these. `naming` is that of its client, and `key` the one of `sid`.
    ///
    /// Spec: RP-Initiated Logout §4
    pub fn account<'a>(&self, accounts: &'a [Account], naming: &Naming, key: &Key) -> Option<&'a Account> {
        accounts.iter().find(|account| {
            naming.sub(&account.user_id) == self.sub
                && self.sid == Some(sid(key, account.session_id, &self.client_id))
        })
    }
}
