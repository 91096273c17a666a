//! Redeeming an authorization code.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::ids::{GrantId, RecordId, SessionId};
use crate::protocol::cause::Cause;
use crate::protocol::failure::TokenFailure;
use crate::protocol::instant::age;
use crate::protocol::named_claims::NamedClaims;
use crate::protocol::params::Params;
use crate::protocol::pkce::CodeChallenge;
use crate::protocol::redirect_uri::Mismatch;
use crate::protocol::resource::Resources;
use crate::protocol::scope::Scope;

/// How long a code can be redeemed: hard, without skew.
pub const LIFETIME: Duration = Duration::seconds(60);
/// How much longer a code is kept, only to say by how much it came too late.
pub const LATE: Duration = Duration::minutes(10);
/// How long a spent code is recognised, so that its replay revokes what came of it.
pub const REMEMBERED: Duration = Duration::hours(1);

/// What a code stands for: everything the tokens will say, fixed when it was minted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CodeGrant {
    /// Names this authorization in everything issued from it.
    #[serde(rename = "g")]
    pub grant_id: GrantId,
    /// When it was minted.
    #[serde(rename = "o", with = "time::serde::timestamp")]
    pub issued_at: OffsetDateTime,
    /// Exactly as sent to the authorization endpoint.
    #[serde(rename = "r")]
    pub redirect_uri: String,
    /// The scopes granted.
    #[serde(rename = "s")]
    pub scope: Scope,
    /// The claims to be told beside those that the scopes release.
    #[serde(rename = "l", default, skip_serializing_if = "NamedClaims::is_empty")]
    pub claims: NamedClaims,
    /// The resources authorized.
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// For the ID Token.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// What the verifier must match.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<CodeChallenge>,
    /// The person.
    #[serde(rename = "u")]
    pub user_id: String,
    /// When the person authenticated.
    #[serde(rename = "t", with = "time::serde::timestamp")]
    pub auth_time: OffsetDateTime,
    /// How well.
    #[serde(rename = "c")]
    pub acr: String,
    /// By what methods.
    #[serde(rename = "m")]
    pub amr: Vec<String>,
    /// The browser record it was issued from.
    #[serde(rename = "b")]
    pub record: RecordId,
    /// The session it was issued from.
    #[serde(rename = "i")]
    pub session_id: SessionId,
}

impl CodeGrant {
    /// Checks that it does not come too late, and was not minted in the future. A replay may come whenever it likes: it is one.
    ///
    /// Spec: RFC 6749 §4.1.2
    pub fn check_age(&self, now: OffsetDateTime) -> Result<(), TokenFailure> {
        let Some(age) = age(self.issued_at, now) else {
            return Err(TokenFailure::invalid_grant("the code is dated in the future: a clock ran ahead"));
        };
        let late = age - LIFETIME;
        if late.is_negative() {
            return Ok(());
        }
        let cause =
            Cause::new("the code has expired").with("lifetime", format!("{} s", LIFETIME.whole_seconds()));
        let cause = cause.with("too late by", format!("{} s", late.whole_seconds()));
        Err(TokenFailure::invalid_grant(cause.mend("redeem a code as soon as it arrives")))
    }

    /// Checks that whoever redeems the code is whoever asked for it.
    ///
    /// Spec: RFC 6749 §4.1.3, RFC 7636 §4.6, RFC 9700 §4.8.2
    pub fn check(&self, params: &Params) -> Result<(), TokenFailure> {
        let received = |what| Cause::new(what).with("received", params.names());
        match params.get("redirect_uri") {
            Some(sent) if sent == self.redirect_uri => (),
            Some(sent) => {
                let mismatch = Mismatch::with_expected(&self.redirect_uri, sent);
                let cause = mismatch.cause("redirect_uri");
                let what = "redirect_uri is not the one the code was issued for".into();
                let remedy =
                    Some("send the redirect_uri of the authorization request again, byte for byte".into());
                return Err(TokenFailure::invalid_grant(Cause { what, remedy, ..cause }));
            }
            // OAuth 2.1 §10.2: PKCE already proves more than repeating the address does.
            None if self.code_challenge.is_some() => (),
            None => return Err(TokenFailure::invalid_grant(received("redirect_uri is missing"))),
        }
        match (&self.code_challenge, params.get("code_verifier")) {
            (None, None) => Ok(()),
            (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier) => Ok(()),
            (Some(challenge), Some(verifier)) => {
                Err(TokenFailure::invalid_grant(challenge.explain(verifier)))
            }
            (Some(_), None) => Err(TokenFailure::invalid_grant(received("code_verifier is missing"))),
            (None, Some(_)) => Err(TokenFailure::invalid_grant(
                Cause::new("code_verifier was sent, but the authorization request had no code_challenge")
                    .mend("send code_challenge with the authorization request, or no code_verifier now"),
            )),
        }
    }

    /// The resources of one token: all that were authorized, or those of them that are asked for here. A
    /// resource that its scopes alone brought into the audience can be asked for as well.
    ///
    /// Spec: RFC 8707 §2.2
    pub fn narrow(
        &self,
        declared: &Resources,
        issuer: &str,
        params: &Params,
    ) -> Result<Vec<String>, TokenFailure> {
        let refused = || TokenFailure::bad_request("invalid_target", "the resource was not authorized");
        let requested = declared.resolve(params.all("resource")).map_err(|_fault| refused())?;
        if requested.is_empty() {
            return Ok(self.resources.clone());
        }
        let authorized = declared.target(issuer, &self.resources, &self.scope).map_err(|_fault| refused())?;
        let all = requested.iter().all(|resource| authorized.0.contains(resource));
        if all { Ok(requested) } else { Err(refused()) }
    }
}
