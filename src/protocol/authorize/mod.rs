//! The authorization request, read in the order that decides where an error may be answered.

mod establish; // phase A: who asks, and where an answer may go
mod narrowed; // what was asked for and is not granted

pub use establish::{client_id, establish};

use time::Duration;

use crate::protocol::acr::Levels;
use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::consent::{self, Consent};
use crate::protocol::failure::{AuthorizeFailure, OAuthError};
use crate::protocol::named_claims::{ClaimsRequest, NamedClaims};
use crate::protocol::params::Params;
use crate::protocol::pkce::{ChallengeFault, CodeChallenge};
use crate::protocol::prompt::Prompt;
use crate::protocol::reply::{ReplyTo, ResponseMode};
use crate::protocol::resource::Resources;
use crate::protocol::scope::Scope;

/// Every parameter this endpoint knows; all others are ignored.
pub const PARAMS: [&str; 22] = [
    "client_id", "redirect_uri", "request", "request_uri", "response_type", "response_mode", "scope",
    "state", "nonce", "code_challenge", "code_challenge_method", "prompt", "max_age", "login_hint",
    "id_token_hint", "registration", "resource", "ui_locales", "claims", "acr_values",
    // Accepted, and nothing here depends on them.
    "display", "claims_locales",
];

/// A validated authorization request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where the answer goes.
    pub reply_to: ReplyTo,
    /// The scopes that can be granted; unknown and not allowed ones are dropped.
    pub scope: Scope,
    /// The resources asked for, by their declared identifiers.
    pub resources: Vec<String>,
    /// Goes into the ID Token as it came.
    pub nonce: Option<String>,
    /// Binds the code to whoever can show the verifier.
    pub code_challenge: Option<CodeChallenge>,
    /// What to show, or not to show.
    pub prompt: Prompt,
    /// The greatest accepted age of the authentication.
    pub max_age: Option<Duration>,
    /// How well the person has to be authenticated.
    pub levels: Levels,
    /// Prefills the login name; never trusted.
    pub login_hint: Option<String>,
    /// Whom it is about, by `sub`, if a verified `id_token_hint` or the `claims` parameter says so: nobody
    /// else may be signed in for it.
    pub subjects: Option<Vec<String>>,
    /// Whether the client showed an ID Token of its own about that person.
    pub hinted: bool,
    /// The claims to be told beside those that the scopes release.
    pub claims: NamedClaims,
    /// What was asked for and is not granted, for the developer of the client.
    pub narrowed: Vec<Cause>,
}

impl Request {
    /// Reads everything else; every failure is answered at the proven place.
    ///
    /// The `id_token_hint` is for the caller to verify: see [`Request::with_hint`].
    ///
    /// Spec: OpenID Connect Core §3.1.2.1, §3.1.2.6
    pub fn parse(
        params: &Params,
        client: &Client,
        resources: &Resources,
        reply_to: ReplyTo,
    ) -> Result<Request, AuthorizeFailure> {
        let refuse = |code, description| Err(reply_to.failure(code, description));
        let explain = |code, description, cause| Err(reply_to.failure(code, description).because(cause));
        // With what was sent as the parameter at fault.
        let wrong = |name, code, description: &'static str| {
            explain(
                code,
                description,
                Cause::new(description).with("sent", params.get(name).unwrap_or_default()),
            )
        };
        match params.get("response_type") {
            None => {
                let cause = Cause::new("response_type is missing").with("received", params.names());
                return explain("invalid_request", "response_type is missing", cause);
            }
            Some("code") => (),
            Some(_) => {
                let only = "only response_type=code is supported";
                return wrong("response_type", "unsupported_response_type", only);
            }
        }
        if let Some(mode) = params.get("response_mode")
            && let Err(fault) = ResponseMode::parse(mode, reply_to.redirect_uri())
        {
            return wrong("response_mode", "invalid_request", fault.description());
        }
        if let Some(name) = params.repeated() {
            let cause = Cause::new("a parameter was sent more than once").with("parameter", name);
            return explain("invalid_request", "a parameter was sent more than once", cause);
        }
        if let Some(name) = params.too_long() {
            let cause = Cause::new("a parameter is too long").with("parameter", name);
            return explain("invalid_request", "a parameter is too long", cause);
        }
        if params.get("registration").is_some() {
            return refuse("registration_not_supported", "the registration parameter is not supported");
        }
        let known = resources.all_scopes();
        let allowed = client.allowed_scopes();
        let asked = Scope::parse(params.get("scope").unwrap_or_default());
        let scope = asked.filter(|name| known.has(name) && allowed.has(name));
        if scope.is_empty() {
            let none = "none of the requested scopes can be granted to this client";
            let cause =
                Cause::new(none).with("sent", &asked).with("allowed", &allowed).with("offered", known);
            return explain("invalid_scope", none, cause);
        }
        let challenge = (params.get("code_challenge"), params.get("code_challenge_method"));
        let code_challenge = match CodeChallenge::parse(challenge.0, challenge.1, client.needs_pkce()) {
            Ok(code_challenge) => code_challenge,
            Err(fault @ ChallengeFault::Missing) => {
                let cause = Cause::new(challenge_fault(fault)).mend(without_pkce(client));
                return explain("invalid_request", challenge_fault(fault), cause);
            }
            Err(fault @ ChallengeFault::NotS256) => {
                return wrong("code_challenge_method", "invalid_request", challenge_fault(fault));
            }
            Err(fault) => return wrong("code_challenge", "invalid_request", challenge_fault(fault)),
        };
        let Ok(prompt) = Prompt::parse(params.get("prompt")) else {
            return wrong("prompt", "invalid_request", "prompt=none cannot be combined with another value");
        };
        let max_age = match params.get("max_age").map(whole_seconds) {
            None => client.metadata.default_max_age.map(|seconds| Duration::seconds(seconds.into())),
            Some(Some(seconds)) => Some(seconds),
            Some(None) => {
                return wrong("max_age", "invalid_request", "max_age must be a whole number of seconds");
            }
        };
        let Ok(claims) = params.get("claims").map(ClaimsRequest::parse).transpose() else {
            return wrong("claims", "invalid_request", "the claims parameter is malformed");
        };
        let narrowed = narrowed::of(params, &asked, &scope, known, &allowed, claims.as_ref());
        // Without openid it is no request of OpenID Connect, and there is nowhere to tell a claim.
        let claims = claims.filter(|_| scope.has("openid")).unwrap_or_default();
        let Ok(requested) = resources.resolve(params.all("resource")) else {
            return wrong("resource", "invalid_target", "the requested resource is unknown here");
        };
        if resources.needs_resource(&requested, &scope) {
            return wrong(
                "scope",
                "invalid_target",
                "a requested scope belongs to a resource: send the resource parameter",
            );
        }
        Ok(Request {
            levels: levels(params, &claims, client),
            subjects: claims.subjects(),
            hinted: false,
            narrowed,
            claims: claims.permitted(&allowed),
            scope,
            resources: requested,
            nonce: params.get("nonce").map(Into::into),
            code_challenge,
            prompt,
            max_age,
            login_hint: params.get("login_hint").map(Into::into),
            reply_to,
        })
    }

    /// Adds what a verified `id_token_hint` says about who is meant.
    pub fn with_hint(mut self, sub: String) -> Request {
        let named = self.subjects.is_none_or(|subjects| subjects.contains(&sub));
        self.subjects = Some(if named { vec![sub] } else { vec![] });
        self.hinted = true;
        self
    }

    /// Tells whether the `claims` parameter names the person, without an ID Token that shows that the client
    /// knows them already.
    pub fn names_by_claims(&self) -> bool {
        self.subjects.is_some() && !self.hinted
    }

    /// Tells whether the answer to a silent request depends on who is signed in, or on how and when that
    /// person signed in, beyond whether there is a session at all.
    pub fn is_conditional(&self) -> bool {
        self.names_by_claims() || self.max_age.is_some() || self.levels.essential
    }

    /// Ends it with an error. What a silent request is told is an ordinary outcome; anything else is a fault,
    /// which its cause explains.
    pub fn refused(&self, error: OAuthError) -> AuthorizeFailure {
        let failure = self.reply_to.failure(error.code, error.description);
        let is_contradictory = self.subjects.as_ref().is_some_and(Vec::is_empty);
        if self.prompt.none && !is_contradictory {
            failure
        } else {
            failure.because(error.description.into())
        }
    }

    /// Tells whether it may be about this person.
    pub fn may_be(&self, user_id: &str) -> bool {
        self.subjects.as_ref().is_none_or(|subjects| subjects.iter().any(|sub| sub == user_id))
    }

    /// What a person would allow by consenting to this request.
    pub fn consent(&self) -> Consent {
        let claims = self.claims.beyond(&self.scope);
        Consent { scopes: self.scope.clone(), resources: self.resources.clone(), claims }
    }

    /// The digest of exactly that.
    pub fn consent_fingerprint(&self, client: &Client, user_id: &str) -> String {
        consent::fingerprint(user_id, client, &self.consent())
    }
}

/// What the request says of levels counts before what was registered, and what must be before what is
/// wished for.
fn levels(params: &Params, claims: &ClaimsRequest, client: &Client) -> Levels {
    match (claims.levels(), params.get("acr_values")) {
        (Some((any_of, essential)), _) => Levels { any_of, essential },
        (None, Some(wished)) => Levels::wished(wished.split(' ').filter(|level| !level.is_empty())),
        (None, None) => Levels::wished(client.metadata.default_acr_values.clone()),
    }
}

fn challenge_fault(fault: ChallengeFault) -> &'static str {
    match fault {
        ChallengeFault::Missing => "code_challenge is missing: this client must use PKCE",
        ChallengeFault::NotS256 => "code_challenge_method must be S256",
        ChallengeFault::Malformed => "code_challenge must be 43 characters of base64url",
        ChallengeFault::MethodAlone => "code_challenge_method without code_challenge",
    }
}

/// What would mend a request without PKCE.
fn without_pkce(client: &Client) -> &'static str {
    if client.is_public() {
        "send code_challenge with code_challenge_method=S256: a client without a secret cannot do without"
    } else {
        "send code_challenge with code_challenge_method=S256; for an application that cannot: \
         countersign client update ID --no-require-pkce"
    }
}

fn whole_seconds(text: &str) -> Option<Duration> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // More digits than a number can hold is older than anyone can be.
    digits.then(|| Duration::seconds(text.parse().unwrap_or(i64::MAX)))
}
