//! Redirects to the provider. A sign-in takes two: the first brings an ID token; the second, with `prompt=none`, brings an
//! access token for the API, because a token is for one audience.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use url::Url;

use super::error::{SiteError, answer};
use super::http::{param, see_other};
use super::relying_party::Site;
use super::session::{SiteSession, StoredSession};
use super::trace::{Party, Step};
use crate::demo::api::READ;
use crate::secret::{Token, base64url, sha256};

/// The purpose of a redirect to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// Sign in.
    SignIn,
    /// Sign in as another person: the provider must ask.
    SignInAgain,
    /// Get a token for the API, without a page.
    Api,
}

impl Purpose {
    /// Spec: OpenID Connect Core §3.1.2.1
    fn prompt(self) -> Option<&'static str> {
        match self {
            Purpose::SignIn => None,
            Purpose::SignInAgain => Some("login"),
            Purpose::Api => Some("none"),
        }
    }
}

/// The state of a sign-in while the browser is at the provider; bound to its cookie.
#[derive(Serialize, Deserialize)]
pub(super) struct Pending {
    /// The purpose.
    pub(super) purpose: Purpose,
    /// The hash of the cookie.
    pub(super) session: String,
    /// The nonce of the ID token.
    pub(super) nonce: String,
    /// The code verifier.
    pub(super) verifier: String,
    /// When it began, in epoch seconds.
    pub(super) began: i64,
    /// The title of the trace.
    pub(super) title: String,
    /// The steps so far.
    pub(super) steps: Vec<Step>,
}

/// `GET /login`
pub async fn login(site: Data<Site>, request: HttpRequest) -> HttpResponse {
    let purpose = if param(&request, "as").as_deref() == Some("other") {
        Purpose::SignInAgain
    } else {
        Purpose::SignIn
    };
    answer(&site, leave(&site, &request, purpose).await)
}

async fn leave(site: &Site, request: &HttpRequest, purpose: Purpose) -> Result<HttpResponse, SiteError> {
    let now = site.clock.now();
    let (cookie, held) = match site.sessions.find(request, now).await? {
        Some(held) => (None, held),
        None => site
            .sessions
            .begin(SiteSession::default(), None, now)
            .await
            .map(|(cookie, held)| (Some(cookie), held))?,
    };
    let why = "The site does not ask for a password. It makes up state, nonce and code_verifier, keeps them beside the \
               browser's cookie, and sends the browser to the provider.";
    let first = Step::new(Party::Browser, Party::Site, format!("GET {}/login", site.origin), why)
        .answered("303 See Other", &[("Location", &site.metadata().await?.authorization_endpoint)]);
    let pending = Pending::new(purpose, &held, "Signing in", vec![first], now);
    let location = depart(site, pending, None, now).await?;
    let mut response = see_other(&location);
    if let Some(cookie) = cookie {
        response.add_cookie(&cookie).map_err(|error| SiteError::Ours(error.to_string()))?;
    }
    Ok(response)
}

impl Pending {
    pub(super) fn new(
        purpose: Purpose,
        held: &StoredSession,
        title: &str,
        steps: Vec<Step>,
        now: OffsetDateTime,
    ) -> Pending {
        Pending {
            purpose,
            session: held.name().into(),
            nonce: Token::generate().expose().into(),
            verifier: Token::generate().expose().into(),
            began: now.unix_timestamp(),
            title: title.into(),
            steps,
        }
    }
}

/// Makes the authorization request and stores its state; returns the address to redirect to.
///
/// Spec: RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2.1
pub(super) async fn depart(
    site: &Site,
    mut pending: Pending,
    hint: Option<&str>,
    now: OffsetDateTime,
) -> Result<String, SiteError> {
    let state = Token::generate();
    let endpoint = &site.metadata().await?.authorization_endpoint;
    let challenge = base64url(&sha256(pending.verifier.as_bytes()));
    let callback = site.callback();
    let for_api = pending.purpose == Purpose::Api;
    let scope = if for_api { format!("openid {READ}") } else { "openid profile email".into() };
    let mut query = vec![
        ("response_type", "code"),
        ("client_id", site.id.client_id()),
        ("redirect_uri", &callback),
        ("scope", &scope),
        ("state", state.expose()),
        ("nonce", &pending.nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    query.extend(for_api.then_some(("resource", site.api.as_str())));
    query.extend(pending.purpose.prompt().map(|prompt| ("prompt", prompt)));
    query.extend(hint.map(|hint| ("id_token_hint", hint)));
    let url =
        Url::parse_with_params(endpoint, &query).map_err(|error| SiteError::Provider(error.to_string()))?;
    let why = match pending.purpose {
        Purpose::Api => {
            "A token is for one audience, so the API gets its own: resource names it, scope says what for. \
                         prompt=none: the provider may answer, but not show anything."
        }
        Purpose::SignIn | Purpose::SignInAgain => {
            "The provider finds out who you are. What you typed there, if \
                                                   anything, this site never sees."
        }
    };
    pending
        .steps
        .push(Step::new(Party::Browser, Party::Provider, format!("GET {endpoint}"), why).sent(&query));
    site.sessions.send_away(&state, &pending, now).await?;
    Ok(url.into())
}
