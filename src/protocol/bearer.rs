//! Access tokens presented to our own endpoints.

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::ids::GrantId;
use crate::protocol::cause::Cause;
use crate::protocol::failure::BearerFailure;
use crate::protocol::scope::Scope;
use crate::secret::from_base64url;

/// The claims of an access token of ours, after its signature was verified.
#[derive(Clone, Debug, Deserialize)]
pub struct Presented {
    /// The issuer.
    pub iss: String,
    /// The person.
    pub sub: String,
    /// String or array.
    pub aud: Value,
    /// Seconds since the epoch.
    pub exp: i64,
    /// Names the grant.
    pub jti: String,
    /// The client it was issued to.
    pub client_id: String,
    /// The scopes it carries.
    #[serde(default)]
    pub scope: Scope,
    /// The session it was issued from, for our eyes only.
    #[serde(rename = "urn:countersign:claim:session")]
    pub session: Option<String>,
    /// The claims to be told beside those that the scopes release.
    #[serde(rename = "urn:countersign:claim:userinfo", default)]
    pub claims: Vec<String>,
}

impl Presented {
    /// Checks what can be checked without asking anybody.
    ///
    /// Spec: RFC 9068 §4, OpenID Connect Core §5.3
    pub fn check(&self, typ: Option<&str>, issuer: &str, now: OffsetDateTime) -> Result<(), BearerFailure> {
        let refuse = |cause: Cause| Err(BearerFailure::InvalidToken(cause));
        if typ != Some("at+jwt") {
            return refuse("it is no access token: an ID token is none".into());
        }
        let for_us = match &self.aud {
            Value::String(one) => one == issuer,
            Value::Array(several) => several.iter().any(|one| one.as_str() == Some(issuer)),
            _ => false,
        };
        if self.iss != issuer {
            return refuse("another issuer".into());
        }
        if !for_us {
            return refuse(Cause::new("the token is for another resource").with("audience", &self.aud));
        }
        if now.unix_timestamp() >= self.exp {
            let late = now.unix_timestamp() - self.exp;
            return refuse(Cause::new("the token has expired").with("too late by", format!("{late} s")));
        }
        if !self.scope.has("openid") {
            return Err(BearerFailure::InsufficientScope("openid"));
        }
        Ok(())
    }

    /// The grant this token was issued from.
    pub fn grant_id(&self) -> Option<GrantId> {
        GrantId::from_bytes(from_base64url(&self.jti)?.get(..16)?)
    }
}
