//! Access tokens that are presented to this provider.

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::ids::GrantId;
use crate::protocol::cause::Cause;
use crate::protocol::instant::seconds_since;
use crate::protocol::scope::Scope;
use crate::secret::from_base64url;

/// The claims of an access token of this provider, after its signature was verified.
#[derive(Clone, Debug, Deserialize)]
pub struct Presented {
    /// The issuer.
    pub iss: String,
    /// The person, or the client itself.
    pub sub: String,
    /// The audience: a string or an array.
    pub aud: Value,
    /// When it was issued, in seconds since the epoch.
    pub iat: i64,
    /// When it ends, in seconds since the epoch.
    pub exp: i64,
    /// From when on it is valid, in seconds since the epoch.
    pub nbf: Option<i64>,
    /// The token's identifier, which names the grant.
    pub jti: String,
    /// The client it was issued to; empty in an ID Token, which [`Presented::check`] refuses.
    #[serde(default)]
    client_id: String,
    /// The scopes it carries.
    #[serde(default)]
    pub scope: Scope,
    /// When the person authenticated, in seconds since the epoch; none where no person is involved.
    pub auth_time: Option<i64>,
    /// The authentication context class.
    pub acr: Option<String>,
    /// The authentication methods.
    pub amr: Option<Vec<String>>,
    /// The session it was issued from; only this provider reads it.
    #[serde(rename = "urn:countersign:claim:session")]
    pub session: Option<String>,
    /// The names of the claims to release beside those of the scopes.
    #[serde(rename = "urn:countersign:claim:userinfo", default)]
    pub claims: Vec<String>,
}

/// Why a presented token is refused.
///
/// Spec: RFC 6750 §3.1
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// The token is not valid, or no longer; the cause is not part of the answer.
    #[error("invalid_token: {0}")]
    Invalid(Cause),
    /// The token is valid, but does not permit this request.
    #[error("insufficient_scope: needs {0}")]
    LacksScope(&'static str),
}

impl Presented {
    /// Checks everything that needs no store, for an endpoint of ours.
    ///
    /// Spec: RFC 9068 §4, OpenID Connect Core §5.3
    pub fn check(&self, typ: Option<&str>, issuer: &str, now: OffsetDateTime) -> Result<(), TokenFault> {
        check_kind(typ).map_err(TokenFault::Invalid)?;
        self.check_issued(issuer, now).map_err(TokenFault::Invalid)?;
        if !self.audience().contains(&issuer) {
            let cause = Cause::new("the token is for another resource").with("audience", &self.aud);
            return Err(TokenFault::Invalid(cause));
        }
        if !self.scope.has("openid") {
            return Err(TokenFault::LacksScope("openid"));
        }
        Ok(())
    }

    /// Checks that we issued it and that it has not expired, whatever it is for.
    ///
    /// Spec: RFC 9068 §4
    pub fn check_issued(&self, issuer: &str, now: OffsetDateTime) -> Result<(), Cause> {
        if self.client_id.is_empty() {
            return Err("its client_id is missing".into());
        }
        if self.iss != issuer {
            return Err("another issuer".into());
        }
        if seconds_since(self.iat, now.unix_timestamp()).is_none() {
            return Err("the token is dated in the future: a clock ran ahead".into());
        }
        if now.unix_timestamp() >= self.exp {
            let late = now.unix_timestamp() - self.exp;
            return Err(Cause::new("the token has expired").with("too late by", format!("{late} s")));
        }
        Ok(())
    }

    /// Its audience; empty where `aud` is neither a string nor an array.
    pub fn audience(&self) -> Vec<&str> {
        match &self.aud {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => vec![],
        }
    }

    /// The person that it is about; none if the client has it for itself.
    pub fn person(&self) -> Option<&str> {
        let is_own = self.auth_time.is_none() && self.sub == self.client_id;
        (!is_own).then_some(self.sub.as_str())
    }

    /// The client it was issued to; an ID Token names it as its audience.
    pub fn client_id(&self) -> &str {
        match &self.aud {
            Value::String(audience) if self.client_id.is_empty() => audience,
            _ => &self.client_id,
        }
    }

    /// The grant this token was issued from.
    pub fn grant_id(&self) -> Option<GrantId> {
        GrantId::from_bytes(from_base64url(&self.jti)?.get(..16)?)
    }
}

/// Checks by its `typ` that a token of ours is an access token.
///
/// Spec: RFC 9068 §2.1, §4
pub fn check_kind(typ: Option<&str>) -> Result<(), Cause> {
    let kind = match typ {
        Some("at+jwt") => return Ok(()),
        None | Some("jwt") => Cause::new("an ID Token was sent in place of an access token"),
        Some(_) => Cause::new("another kind of token was sent in place of an access token"),
    };
    let cause = kind.with("typ", typ.unwrap_or("absent"));
    Err(cause.mend("send the access_token that came along in the token response"))
}
