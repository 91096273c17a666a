//! The authorization request: one file for each rule, named after its parameter. [`client_id`] and
//! [`reply_to`] come first and prove where an answer may go. [`Request::read`] lists all other rules in the
//! order in which they apply.

mod client_id;
pub mod device; // of a device, by the same rules
mod redirect_uri;
pub mod object; // request, request_uri
mod response; // response_type, response_mode
mod parameters; // all parameters: at most once, within their limits
mod registration;
mod scope;
mod pkce;
mod prompt;
mod max_age;
mod claims;
mod acr;
mod resource;
pub mod id_token_hint;
mod unanswerable; // failures without a place to answer

pub use claims::{ClaimsRequest, Malformed};
pub use client_id::client_id;
pub use prompt::{Contradiction, Prompt};
pub use redirect_uri::reply_to;
pub use unanswerable::Unanswerable;

use std::fmt;

use time::Duration;

use crate::protocol::acr::Levels;
use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::consent::{self, Consent};
use crate::protocol::grant_type::GrantType;
use crate::protocol::named_claims::NamedClaims;
use crate::protocol::params::Params;
use crate::protocol::pkce::CodeChallenge;
use crate::protocol::redirect_uri::ApplicationType;
use crate::protocol::refusal::{OAuthError, Refusal};
use crate::protocol::resource::Resources;
use crate::protocol::scope::{OFFLINE, Scope};
use crate::protocol::subject::Naming;
use crate::secret::Key;

/// Every parameter of this endpoint; all others are ignored.
pub const PARAMS: [&str; 22] = [
    "client_id", "redirect_uri", "request", "request_uri", "response_type", "response_mode", "scope",
    "state", "nonce", "code_challenge", "code_challenge_method", "prompt", "max_age", "login_hint",
    "id_token_hint", "registration", "resource", "ui_locales", "claims", "acr_values",
    // Accepted without effect.
    "display", "claims_locales",
];

/// The refusal of a client that gets its tokens in other ways.
const NO_CODES: &str = "this client has not registered the grant type of codes";

/// A validated authorization request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The scopes that can be granted; unknown and not allowed ones are dropped.
    pub scope: Scope,
    /// The resources asked for, by their declared identifiers.
    pub resources: Vec<String>,
    /// Goes into the ID Token as it came.
    pub nonce: Option<String>,
    /// Binds the code to the client that can present the verifier.
    pub code_challenge: Option<CodeChallenge>,
    /// Which pages to show, or none.
    pub prompt: Prompt,
    /// The maximum age of the authentication.
    pub max_age: Option<Duration>,
    /// The requested levels of authentication.
    pub levels: Levels,
    /// Prefills the login name; never trusted.
    pub login_hint: Option<String>,
    /// The persons it may be about, by `sub`, if a verified `id_token_hint` or the `claims` parameter names
    /// them: no other person may be signed in for it.
    pub subjects: Option<Vec<String>>,
    /// How the client knows people.
    pub naming: Naming,
    /// Whether the client sent an ID Token of its own about that person.
    pub hinted: bool,
    /// The claims to release by name, beside those of the scopes.
    pub claims: NamedClaims,
    /// The requested parts that are not granted, for the developer of the client.
    pub narrowed: Vec<Cause>,
}

impl Request {
    /// Applies all rules but those of [`client_id`] and [`reply_to`], which come first, and that of the
    /// `id_token_hint`, whose signature the caller verifies: see [`Request::with_hint`]. `pairwise` is the key of pairwise
    /// names of people.
    ///
    /// Spec: OpenID Connect Core §3.1.2.1, §3.1.2.6
    pub fn read(
        params: &Params,
        client: &Client,
        resources: &Resources,
        redirect_uri: &str,
        pairwise: &Key,
    ) -> Result<Request, Refusal> {
        object::check(params)?;
        response::check_type(params)?;
        response::check_mode(params, redirect_uri)?;
        parameters::check(params)?;
        registration::check(params)?;
        GrantType::AuthorizationCode.check(client, NO_CODES)?;
        let scopes = scope::read(params, client, resources)?;
        let code_challenge = pkce::read(params, client)?;
        let prompt = prompt::read(params)?;
        let max_age = max_age::read(params, client)?;
        let asked = claims::read(params)?;
        let resources = resource::read(params, resources, &scopes.granted)?;
        // Without openid this is no request of OpenID Connect, and no token carries claims.
        let claims = asked.as_ref().filter(|_| scopes.granted.has("openid"));
        let narrowed = [
            scopes.narrowed(params),
            scopes.without_openid(params, asked.as_ref()),
            prompt::narrowed(params),
            claims.and_then(|claims| claims::narrowed(claims, &scopes.allowed)),
        ];
        let claims = claims.cloned().unwrap_or_default();
        Ok(Request {
            levels: acr::read(params, &claims, client),
            subjects: claims.subjects(),
            naming: Naming::of(client, pairwise),
            hinted: false,
            claims: claims.permitted(&scopes.allowed),
            scope: scopes.granted,
            resources,
            nonce: params.get("nonce").map(Into::into),
            code_challenge,
            prompt,
            max_age,
            login_hint: params.get("login_hint").map(Into::into),
            narrowed: narrowed.into_iter().flatten().collect(),
        })
    }

    /// Adds the subject of a verified `id_token_hint`.
    pub fn with_hint(mut self, sub: String) -> Request {
        let named = self.subjects.is_none_or(|subjects| subjects.contains(&sub));
        self.subjects = Some(if named { vec![sub] } else { vec![] });
        self.hinted = true;
        self
    }

    /// Tells whether the `claims` parameter names the person, without an ID Token to show that the client
    /// knows that person already.
    pub fn names_by_claims(&self) -> bool {
        self.subjects.is_some() && !self.hinted
    }

    /// Tells whether the answer to a silent request depends on more than whether there is a session: on the
    /// person, or on how and when that person signed in.
    pub fn is_conditional(&self) -> bool {
        self.names_by_claims() || self.max_age.is_some() || self.levels.essential
    }

    /// Refuses the request. The error of a silent request is an ordinary outcome; any other refusal is a
    /// fault, which its cause explains.
    pub fn refused(&self, error: OAuthError) -> Refusal {
        let is_contradictory = self.subjects.as_ref().is_some_and(Vec::is_empty);
        if self.prompt.none && !is_contradictory {
            error.into()
        } else {
            Refusal::from(error).because(error.description)
        }
    }

    /// Tells whether the request may be about this person.
    pub fn may_be(&self, user_id: &str) -> bool {
        self.subjects.as_ref().is_none_or(|subjects| {
            let sub = self.naming.sub(user_id);
            subjects.iter().any(|meant| *meant == sub)
        })
    }

    /// The request without `offline_access`, where that may be granted on a consent in force alone: a site has to ask for
    /// it with `prompt=consent`. None for a request that stays as it is.
    ///
    /// Spec: OpenID Connect Core §11
    pub fn without_offline(&self, client: &Client) -> Option<Request> {
        let is_site = client.metadata.application_type == ApplicationType::Web;
        let is_asked_for = self.prompt.consent || client.metadata.first_party || !is_site;
        (self.scope.has(OFFLINE) && !is_asked_for)
            .then(|| Request { scope: self.scope.filter(|name| name != OFFLINE), ..self.clone() })
    }

    /// The cause for the developer of a request whose `offline_access` was dropped.
    pub fn offline_dropped(&self) -> Cause {
        let cause = Cause::new("offline_access is not granted").with("asked for", &self.scope);
        let cause =
            cause.with("because", "the person has not allowed it, and is not asked without prompt=consent");
        cause.mend("send prompt=consent when the application needs access after the person has signed out")
    }

    /// The consent that this request needs.
    pub fn consent(&self) -> Consent {
        let claims = self.claims.beyond(&self.scope);
        Consent { scopes: self.scope.clone(), resources: self.resources.clone(), claims }
    }

    /// The fingerprint of that consent.
    pub fn consent_fingerprint(&self, client: &Client, user_id: &str) -> String {
        consent::fingerprint(user_id, client, &self.consent())
    }
}

/// The refusal of a parameter, with the sent value in its cause.
fn wrong(params: &Params, name: &str, code: &'static str, description: &'static str) -> Refusal {
    let sent = params.get(name).unwrap_or_default();
    Refusal::new(code, description).because(Cause::new(description).with("sent", sent))
}

/// The cause for the developer where less of a parameter is granted than was asked for. Each reason has the names that it
/// concerns; `None` where all of them are without names.
pub(in crate::protocol) fn less_granted(
    what: &'static str,
    asked: impl fmt::Display,
    granted: impl fmt::Display,
    reasons: &[(&str, &[&str])],
) -> Option<Cause> {
    let cause = Cause::new(what).with("asked for", asked).with("granted", granted);
    let mut reasons = reasons.iter().filter(|(_, names)| !names.is_empty()).peekable();
    reasons.peek()?;
    Some(
        reasons
            .fold(cause, |cause, (why, names)| cause.with("because", format!("{why}: {}", names.join(" ")))),
    )
}
