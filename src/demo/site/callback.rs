//! The redirect back from the provider.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::error::{SiteError, answer};
use super::http::{param, see_other};
use super::login::{Pending, Purpose, depart};
use super::provider::UserInfo;
use super::relying_party::Site;
use super::session::{Person, SiteSession, StoredSession};
use super::tokens::Tokens;
use super::trace::{Party, Step, Trace};
use crate::clock::span;
use crate::secret::same;

/// `GET /callback`
pub async fn callback(site: Data<Site>, request: HttpRequest) -> HttpResponse {
    answer(&site, arrive(&site, &request).await)
}

/// Accepts the answer only if its `state` was given to this very browser.
///
/// Spec: RFC 6749 §10.12, RFC 9207 §2.4, RFC 9700 §4.7.1
async fn arrive(site: &Site, request: &HttpRequest) -> Result<HttpResponse, SiteError> {
    let now = site.clock.now();
    let held = site.sessions.find(request, now).await?;
    let pending: Option<Pending> = match param(request, "state") {
        Some(state) => site.sessions.came_back(&state, now).await?,
        None => None,
    };
    let (pending, held) = match (pending, held) {
        (Some(pending), Some(held)) if same(pending.session.as_bytes(), held.name().as_bytes()) => {
            (pending, held)
        }
        // An old tab or a reload: a person who is signed in is redirected to the page.
        (_, Some(held)) if held.session.person.is_some() => return Ok(see_other("/")),
        _ => return Err(SiteError::UnknownState),
    };
    let issuer = param(request, "iss").unwrap_or_default();
    if issuer != site.issuer {
        return Err(SiteError::OtherIssuer(issuer));
    }
    match (param(request, "error"), param(request, "code")) {
        (None, Some(code)) => accept(site, pending, held, &code, now).await,
        (error, _) => {
            decline(site, pending, held, &error.unwrap_or_else(|| "invalid_response".into()), now).await
        }
    }
}

/// Redeems the code, then redirects: after the sign-in for the token for the API, after that to the page.
async fn accept(
    site: &Site,
    mut pending: Pending,
    mut held: StoredSession,
    code: &str,
    now: OffsetDateTime,
) -> Result<HttpResponse, SiteError> {
    let outward = pending.steps.len().saturating_sub(1);
    returned(site, &mut pending, &[("code", code), ("iss", &site.issuer)]);
    let resource = (pending.purpose == Purpose::Api).then_some(site.api.as_str());
    let tokens = site.exchange(code, &pending.verifier, resource, &mut pending.steps).await?;
    let id =
        site.check_id_token(&tokens, &pending.nonce, resource.is_some(), now, &mut pending.steps).await?;
    let until = tokens.until(now);
    if pending.purpose == Purpose::Api {
        let Some(person) = held.session.person.as_mut() else { return Ok(see_other("/")) };
        if person.sub != id.sub {
            return Err(SiteError::NotAccepted("the token for the API is another person's".into()));
        }
        person.api_token = Some(tokens.access_token);
        person.api_refresh_token = Some(tokens.refresh_token);
        person.until = person.until.min(until);
        held.session.trace = Some(Trace { title: pending.title, at: now, steps: pending.steps });
        site.sessions.keep(&held, now).await?;
        return Ok(see_other("/"));
    }
    tell_of_sso(&mut pending, outward, id.auth_time, now);
    let mut steps = std::mem::take(&mut pending.steps);
    let person = introduce(site, tokens, &id.sub, until, &mut steps).await?;
    let hint = person.id_token.clone();
    let trace = Trace { title: pending.title.clone(), at: now, steps: steps.clone() };
    let session = SiteSession { person: Some(person), trace: Some(trace), ..SiteSession::default() };
    let (cookie, held) = site.sessions.begin(session, Some(&held), now).await?;
    let onward = Pending::new(Purpose::Api, &held, &pending.title, steps, now);
    let location = depart(site, onward, Some(&hint), now).await?;
    let mut response = see_other(&location);
    response.add_cookie(&cookie).map_err(|error| SiteError::Ours(error.to_string()))?;
    Ok(response)
}

/// Adds the redirects to the provider and back to the trace.
fn returned(site: &Site, pending: &mut Pending, answer: &[(&str, &str)]) {
    let callback = site.callback();
    if let Some(outward) = pending.steps.last_mut() {
        outward.status = "303 See Other".into();
        outward.received = vec![("Location".into(), callback.clone())];
    }
    let why = match pending.purpose {
        Purpose::Api => "Back again within a blink; nothing was shown.",
        _ => {
            "The browser brings the answer. The site takes it only because state is the one it gave to this browser \
              (nobody can slip in a sign-in of their own) and iss is the provider it had asked."
        }
    };
    let step = Step::new(Party::Browser, Party::Site, format!("GET {callback}"), why);
    pending.steps.push(step.sent(answer).answered("303 See Other", &[]));
}

/// Explains single sign-on if the person authenticated before this sign-in began.
fn tell_of_sso(pending: &mut Pending, outward: usize, auth_time: Option<i64>, now: OffsetDateTime) {
    let Some(auth_time) = auth_time.filter(|auth_time| *auth_time < pending.began) else { return };
    let ago = span(now.unix_timestamp() - auth_time);
    if let Some(step) = pending.steps.get_mut(outward) {
        step.why = format!(
            "You signed in at the provider {ago} ago, and it remembers your browser: nothing had to be typed. This is \
             single sign-on; the site sees only that it was you."
        );
    }
}

/// Makes the person of an ID token, with name and e-mail from UserInfo.
///
/// Spec: OpenID Connect Core §5.3.2 (`sub` must be the same)
async fn introduce(
    site: &Site,
    tokens: Tokens,
    sub: &str,
    until: i64,
    steps: &mut Vec<Step>,
) -> Result<Person, SiteError> {
    let UserInfo::Claims(claims) = site.userinfo(&tokens.access_token, steps).await? else {
        return Err(SiteError::NotAccepted("UserInfo refuses the token that was just issued".into()));
    };
    let text = |name: &str| text_claim(&claims, name);
    if text("sub").as_deref() != Some(sub) {
        return Err(SiteError::NotAccepted("UserInfo speaks of another person than the ID token".into()));
    }
    Ok(Person {
        issuer: site.issuer.clone(),
        name: text("name").or_else(|| text("preferred_username")).unwrap_or_else(|| sub.to_owned()),
        email: text("email"),
        sub: sub.into(),
        id_token: tokens.id_token,
        userinfo_token: tokens.access_token,
        api_token: None,
        refresh_token: tokens.refresh_token,
        api_refresh_token: None,
        until,
    })
}

fn text_claim(claims: &Map<String, Value>, name: &str) -> Option<String> {
    claims.get(name)?.as_str().map(str::to_owned)
}

/// Handles an error answer.
///
/// Spec: OpenID Connect Core §3.1.2.6
async fn decline(
    site: &Site,
    mut pending: Pending,
    mut held: StoredSession,
    error: &str,
    now: OffsetDateTime,
) -> Result<HttpResponse, SiteError> {
    let error: String = error.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(60).collect();
    returned(site, &mut pending, &[("error", &error), ("iss", &site.issuer)]);
    let notice = match (pending.purpose, error.as_str()) {
        (Purpose::SignIn | Purpose::SignInAgain, "access_denied") => {
            "You turned back at the provider, so nobody was signed in.".to_owned()
        }
        (Purpose::SignIn | Purpose::SignInAgain, _) => {
            format!("The provider did not sign anybody in: {error}.")
        }
        (Purpose::Api, _) => format!("The provider gave no token for the API: {error}."),
    };
    held.session.notice = Some(notice);
    held.session.trace = Some(Trace { title: pending.title, at: now, steps: pending.steps });
    site.sessions.keep(&held, now).await?;
    Ok(see_other("/"))
}

/// Replaces the session by one without a person, and redirects to the page.
pub(super) async fn forget_person(
    site: &Site,
    held: &StoredSession,
    notice: String,
    trace: Option<Trace>,
    now: OffsetDateTime,
) -> Result<HttpResponse, SiteError> {
    let session = SiteSession { notice: Some(notice), trace, ..SiteSession::default() };
    let (cookie, _) = site.sessions.begin(session, Some(held), now).await?;
    let mut response = see_other("/");
    response.add_cookie(&cookie).map_err(|error| SiteError::Ours(error.to_string()))?;
    Ok(response)
}
