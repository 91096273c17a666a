//! New tokens by refresh token, and what an old one is worth that is presented again.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use time::OffsetDateTime;

use super::callback::forget_person;
use super::error::{SiteError, answer};
use super::http::see_other;
use super::relying_party::Site;
use super::session::Person;
use super::tokens::{Granted, Tokens};
use super::trace::{Party, Step, Trace};
use crate::secret::same;

/// The anchor of the trace on the page.
const TRACE: &str = "/#trace";
/// The notice when the provider refuses the newest refresh token.
const OVER: &str = "Your session at Countersign is over, so this site signed you out as well.";

/// `GET /renew`, where the page redirects when a token has expired, and `POST /renew`, its button.
pub async fn renew(site: Data<Site>, request: HttpRequest) -> HttpResponse {
    answer(&site, renewed(&site, &request).await)
}

/// `POST /replay`: renews three times, then presents the first refresh token again.
pub async fn replay(site: Data<Site>, request: HttpRequest) -> HttpResponse {
    answer(&site, replayed(&site, &request).await)
}

async fn renewed(site: &Site, request: &HttpRequest) -> Result<HttpResponse, SiteError> {
    let now = site.clock.now();
    let Some(held) = site.sessions.find(request, now).await? else { return Ok(see_other("/")) };
    let Some(person) = &held.session.person else { return Ok(see_other("/")) };
    let line = format!("{} {}/renew", request.method(), site.origin);
    let why = "Access tokens live a few minutes. The site gets new ones by itself: the browser need not go to the \
               provider, and nothing is asked.";
    let first =
        Step::new(Party::Browser, Party::Site, line, why).answered("303 See Other", &[("Location", TRACE)]);
    let mut trace = Trace { title: "Renewing the tokens".into(), at: now, steps: vec![first] };
    match refreshed(site, person, now, &mut trace.steps).await? {
        Some(fresh) => {
            store(site, request, &person.refresh_token, &fresh, &trace, now).await?;
            Ok(see_other(TRACE))
        }
        None => forget_person(site, &held, OVER.into(), Some(trace), now).await,
    }
}

/// The person with new tokens; none if the provider refuses a refresh token.
async fn refreshed(
    site: &Site,
    person: &Person,
    now: OffsetDateTime,
    steps: &mut Vec<Step>,
) -> Result<Option<Person>, SiteError> {
    let why = if site.rotates() {
        "The site presents its refresh token. It has no secret that would prove who it is, so the token is replaced by \
         each use: the one that comes back is good for the next renewal."
    } else {
        "The site presents its refresh token, and proves by its secret that it is the one it was given to. So the token \
         stays the same: without the secret it is worth nothing."
    };
    let Granted::Tokens(tokens) = site.refresh(&person.refresh_token, why, steps).await? else {
        return Ok(None);
    };
    check(site, &tokens, &person.sub, now, steps).await?;
    let mut fresh = Person {
        until: tokens.until(now),
        id_token: tokens.id_token,
        userinfo_token: tokens.access_token,
        refresh_token: tokens.refresh_token,
        ..person.clone()
    };
    if let Some(token) = &person.api_refresh_token {
        let why = "The same again for the API, whose access token came with a refresh token of its own.";
        let Granted::Tokens(tokens) = site.refresh(token, why, steps).await? else { return Ok(None) };
        check(site, &tokens, &person.sub, now, steps).await?;
        fresh.until = fresh.until.min(tokens.until(now));
        fresh.api_token = Some(tokens.access_token);
        fresh.api_refresh_token = Some(tokens.refresh_token);
    }
    Ok(Some(fresh))
}

/// Checks the ID token of a renewal: it must speak of the same person. It has no nonce, because no browser brought it.
///
/// Spec: OpenID Connect Core §12.2
async fn check(
    site: &Site,
    tokens: &Tokens,
    sub: &str,
    now: OffsetDateTime,
    steps: &mut Vec<Step>,
) -> Result<(), SiteError> {
    let checked = site.id_tokens.verify_at(&tokens.id_token, now).await;
    let claims = checked.map_err(|error| SiteError::NotAccepted(error.to_string()))?;
    let bound = claims.require_access_token(&tokens.access_token);
    bound.map_err(|error| SiteError::NotAccepted(error.to_string()))?;
    if claims.sub != sub {
        return Err(SiteError::NotAccepted("the renewed tokens are another person's".into()));
    }
    let why = "The new ID token must speak of the same person, and belong to the new access token.";
    let step = Step::new(Party::Site, Party::Site, "check the ID token", why);
    steps.push(step.answered("holds", &[("iss", &claims.iss), ("sub", &claims.sub)]));
    Ok(())
}

/// Stores the new tokens, also if the answer of a button was stored meanwhile: to present the old refresh token again
/// would end the grant. A session that was signed out or renewed meanwhile stays as it is.
async fn store(
    site: &Site,
    request: &HttpRequest,
    replaced: &str,
    fresh: &Person,
    trace: &Trace,
    now: OffsetDateTime,
) -> Result<(), SiteError> {
    while let Some(mut held) = site.sessions.find(request, now).await? {
        let is_old = |person: &Person| same(person.refresh_token.as_bytes(), replaced.as_bytes());
        if !held.session.person.as_ref().is_some_and(is_old) {
            break;
        }
        held.session.person = Some(fresh.clone());
        held.session.trace = Some(trace.clone());
        if site.sessions.keep(&held, now).await? {
            break;
        }
    }
    Ok(())
}

/// Shows that a refresh token that was copied is worth nothing once it is old, and what its use costs the site.
///
/// Spec: RFC 9700 §4.14.2
async fn replayed(site: &Site, request: &HttpRequest) -> Result<HttpResponse, SiteError> {
    let now = site.clock.now();
    let Some(held) = site.sessions.find(request, now).await? else { return Ok(see_other("/")) };
    let Some(person) = held.session.person.as_ref().filter(|_| site.rotates()) else {
        return Ok(see_other("/"));
    };
    let line = format!("POST {}/replay", site.origin);
    let why = "Say that somebody has copied the refresh token, and the site knows nothing of it.";
    let first =
        Step::new(Party::Browser, Party::Site, line, why).answered("303 See Other", &[("Location", "/")]);
    let mut trace = Trace { title: "An old refresh token".into(), at: now, steps: vec![first] };
    let mut newest = person.refresh_token.clone();
    for why in [
        "The site renews as usual, and the token is replaced.",
        "It renews again, with the token that it got. So it has the first answer, and no need of the first token ever \
         again.",
        "And once more: a token that was replaced only just now may come from a request that was delayed, but not one \
         this old.",
    ] {
        let Granted::Tokens(tokens) = site.refresh(&newest, why, &mut trace.steps).await? else {
            return forget_person(site, &held, OVER.into(), Some(trace), now).await;
        };
        newest = tokens.refresh_token;
    }
    for (token, why) in [
        (
            &person.refresh_token,
            "Now the first token again, as the thief would present it. Two have it, then, and the provider cannot tell \
             which of them is the site: it refuses the token and revokes all that came of it.",
        ),
        (
            &newest,
            "Even the newest token is refused now, whoever has it. The thief has nothing, and the site must send you \
             to sign in again.",
        ),
    ] {
        if let Granted::Tokens(_) = site.refresh(token, why, &mut trace.steps).await? {
            return Err(SiteError::NotAccepted("a refresh token that must be refused was accepted".into()));
        }
    }
    let notice = "An old refresh token was presented again, so the provider revoked the newest as well. Sign in again.";
    forget_person(site, &held, notice.into(), Some(trace), now).await
}
