//! Signing out: at this site, which keeps the session at the provider, or everywhere.

use actix_web::web::{Data, Form};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use url::Url;

use super::callback::forget_person;
use super::error::{SiteError, answer};
use super::http::see_other;
use super::relying_party::Site;
use super::session::{SiteSession, StoredSession};
use super::trace::{Party, Step, Trace};
use crate::secret::{Token, same};

/// The form.
#[derive(Deserialize)]
pub struct Choice {
    /// `here` or `everywhere`.
    from: String,
}

/// The state of a sign-out while the browser is at the provider; bound to its new cookie.
#[derive(Serialize, Deserialize)]
struct Leaving {
    session: String,
}

/// `POST /sign-out`
pub async fn sign_out(site: Data<Site>, request: HttpRequest, form: Form<Choice>) -> HttpResponse {
    answer(&site, leave(&site, &request, form.from == "everywhere").await)
}

async fn leave(site: &Site, request: &HttpRequest, everywhere: bool) -> Result<HttpResponse, SiteError> {
    let now = site.clock.now();
    let Some(held) = site.sessions.find(request, now).await? else { return Ok(see_other("/")) };
    let Some(person) = held.session.person.as_ref() else { return Ok(see_other("/")) };
    let line = format!("POST {}/sign-out", site.origin);
    if everywhere {
        return everywhere_from(site, &held, &person.id_token, line, now).await;
    }
    let why = "The site forgets you: its session and its tokens are gone. The provider was not told, so signing in again \
               needs no typing.";
    let step =
        Step::new(Party::Browser, Party::Site, line, why).answered("303 See Other", &[("Location", "/")]);
    let trace = Trace { title: "Signing out here".into(), at: now, steps: vec![step] };
    let notice = format!("You are signed out of {}, and still signed in at Countersign.", site.id.name());
    forget_person(site, &held, notice, Some(trace), now).await
}

/// Ends the session of this site first, whatever happens at the provider.
///
/// Spec: OpenID Connect RP-Initiated Logout §2
async fn everywhere_from(
    site: &Site,
    held: &StoredSession,
    id_token: &str,
    line: String,
    now: OffsetDateTime,
) -> Result<HttpResponse, SiteError> {
    let endpoint = &site.metadata().await?.end_session_endpoint;
    let state = Token::generate();
    let home = format!("{}/", site.origin);
    let query = [("id_token_hint", id_token), ("post_logout_redirect_uri", &home), ("state", state.expose())];
    let url =
        Url::parse_with_params(endpoint, &query).map_err(|error| SiteError::Provider(error.to_string()))?;
    let steps = vec![
        Step::new(
            Party::Browser,
            Party::Site,
            line,
            "The site forgets you first: whatever happens next, its own session is over.",
        )
        .answered("303 See Other", &[("Location", endpoint)]),
        Step::new(
            Party::Browser,
            Party::Provider,
            format!("GET {endpoint}"),
            "The ID token as a hint proves who is meant and which session, so nothing has to be asked. Where to go \
             afterwards must be registered.",
        )
        .sent(&query),
    ];
    let session = SiteSession {
        trace: Some(Trace { title: "Signing out everywhere".into(), at: now, steps }),
        ..SiteSession::default()
    };
    let (cookie, fresh) = site.sessions.begin(session, Some(held), now).await?;
    site.sessions.send_away(&state, &Leaving { session: fresh.name().into() }, now).await?;
    let mut response = see_other(url.as_str());
    response.add_cookie(&cookie).map_err(|error| SiteError::Ours(error.to_string()))?;
    Ok(response)
}

/// Completes a sign-out everywhere, when the provider redirects back with its `state`.
pub(super) async fn came_back(
    site: &Site,
    held: Option<StoredSession>,
    state: &str,
) -> Result<HttpResponse, SiteError> {
    let now = site.clock.now();
    let leaving: Option<Leaving> = site.sessions.came_back(state, now).await?;
    let (Some(leaving), Some(mut held)) = (leaving, held) else { return Ok(see_other("/")) };
    if same(leaving.session.as_bytes(), held.name().as_bytes()) {
        held.session.notice =
            Some("You are signed out everywhere: at Countersign, and with it at the other site.".into());
        if let Some(trace) = held.session.trace.as_mut() {
            if let Some(last) = trace.steps.last_mut() {
                last.status = "303 See Other".into();
                last.received = vec![("Location".into(), format!("{}/", site.origin))];
            }
            let why = "The state is the one this site sent along: the provider has ended its session. The other site \
                       notices when it next asks the provider.";
            let line = format!("GET {}/", site.origin);
            let step = Step::new(Party::Browser, Party::Site, line, why).sent(&[("state", state)]);
            trace.steps.push(step.answered("303 See Other", &[("Location", "/")]));
        }
        site.sessions.keep(&held, now).await?;
    }
    Ok(see_other("/"))
}
