//! Grants: the record that tokens are issued from, for every grant type.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ids::{GrantId, SessionId};
use crate::protocol::cause::Cause;
use crate::protocol::named_claims::NamedClaims;
use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;
use crate::protocol::resource::{Resources, TargetFault, comparable};
use crate::protocol::scope::Scope;
use crate::protocol::session::Account;

/// What every grant carries. The client is not part of it: a grant is stored under its client, and only that
/// client can find it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// The identifier of this authorization in everything that is issued from it.
    #[serde(rename = "g")]
    pub id: GrantId,
    /// The scopes granted.
    #[serde(rename = "s")]
    pub scope: Scope,
    /// The claims to release by name, beside those of the scopes.
    #[serde(rename = "l", default, skip_serializing_if = "NamedClaims::is_empty")]
    pub claims: NamedClaims,
    /// The resources authorized.
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// The person who gave it, and the facts of the authentication.
    #[serde(rename = "p")]
    pub person: Authenticated,
}

/// A person as authenticated in one session, fixed when the grant was given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Authenticated {
    /// The person.
    #[serde(rename = "u")]
    pub user_id: String,
    /// When the person authenticated.
    #[serde(rename = "t", with = "time::serde::timestamp")]
    pub auth_time: OffsetDateTime,
    /// The authentication context class.
    #[serde(rename = "c")]
    pub acr: String,
    /// The authentication methods.
    #[serde(rename = "m")]
    pub amr: Vec<String>,
    /// The session it was given from.
    #[serde(rename = "i")]
    pub session_id: SessionId,
}

impl Authenticated {
    /// The facts of an account that is signed in.
    pub fn of(account: &Account) -> Authenticated {
        Authenticated {
            user_id: account.user_id.clone(),
            auth_time: account.auth_time,
            acr: account.acr.clone(),
            amr: account.amr.clone(),
            session_id: account.session_id,
        }
    }
}

impl Grant {
    /// The scopes of one token: all that were granted, or those that are requested now.
    ///
    /// Spec: RFC 6749 §6
    pub fn narrow_scope(&self, params: &Params) -> Result<Scope, Refusal> {
        const BEYOND: &str = "the scope is more than was granted";
        let Some(asked) = params.get("scope") else { return Ok(self.scope.clone()) };
        let (scope, unreadable) = (Scope::parse(asked), Scope::unreadable(asked).next());
        if self.scope.covers(&scope) && !scope.is_empty() && unreadable.is_none() {
            return Ok(scope);
        }
        let cause = Cause::new(BEYOND).with("asked for", asked).with("granted", &self.scope);
        Err(Refusal::new("invalid_scope", BEYOND)
            .because(cause.mend("leave the scope out, or ask for a part of it")))
    }

    /// The resources of one token: all that were authorized, or those that are requested now. A resource that
    /// came into the audience by its scopes alone can be requested as well.
    ///
    /// Spec: RFC 8707 §2.2
    pub fn narrow(&self, declared: &Resources, params: &Params) -> Result<Vec<String>, Refusal> {
        let requested = declared.resolve(params.all("resource")).map_err(TargetFault::refusal)?;
        if requested.is_empty() {
            return Ok(self.resources.clone());
        }
        let by_scope = |uri: &&String| {
            let resource =
                declared.find(uri).filter(|resource| resource.default && self.resources.is_empty());
            resource.is_some_and(|resource| resource.scopes.iter().any(|scope| self.scope.has(scope)))
        };
        let is_authorized =
            |uri: &&String| self.resources.iter().any(|own| comparable(own) == comparable(uri));
        match requested.iter().find(|uri| !is_authorized(uri) && !by_scope(uri)) {
            None => Ok(requested),
            Some(other) => {
                let cause = Cause::new("the grant is not for this resource").with("resource", other);
                let cause = cause.with("authorized", self.resources.join(" "));
                let cause = cause.mend("name the resource in the authorization request as well");
                Err(Refusal::new("invalid_target", "the resource was not authorized").because(cause))
            }
        }
    }
}
