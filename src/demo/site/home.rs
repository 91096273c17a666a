//! The page: the person, the tokens, the trace of what just happened, and the buttons.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use time::OffsetDateTime;

use super::callback::forget_person;
use super::error::{SiteError, answer};
use super::http::{param, see_other};
use super::provider::UserInfo;
use super::relying_party::Site;
use super::session::{Person, SiteSession, StoredSession};
use super::sign_out;
use super::token_card::TokenCard;
use super::trace::{Party, Step, Trace};
use crate::demo::pages::{self, HomePage, SignedIn};
use crate::demo::words;

/// `GET /`
pub async fn show(site: Data<Site>, request: HttpRequest) -> HttpResponse {
    answer(&site, home(&site, &request).await)
}

async fn home(site: &Site, request: &HttpRequest) -> Result<HttpResponse, SiteError> {
    let now = site.clock.now();
    let held = site.sessions.find(request, now).await?;
    if let Some(state) = param(request, "state") {
        return sign_out::came_back(site, held, &state).await;
    }
    let Some(held) = held else { return page(site, &SiteSession::default(), now).await };
    let Some(person) = &held.session.person else { return page(site, &held.session, now).await };
    if person.issuer != site.issuer {
        let notice = "The provider has moved, and what it said at its old address no longer counts.".into();
        return forget_person(site, &held, notice, None, now).await;
    }
    if person.until <= now.unix_timestamp() {
        return Ok(see_other("/renew"));
    }
    match still_there(site, &held, person, now).await? {
        Some(signed_out) => Ok(signed_out),
        None => page(site, &held.session, now).await,
    }
}

/// Asks the provider whether the session behind the tokens still exists, so that a sign-out at the other site is one
/// here. If the provider does not answer, nothing changes.
async fn still_there(
    site: &Site,
    held: &StoredSession,
    person: &Person,
    now: OffsetDateTime,
) -> Result<Option<HttpResponse>, SiteError> {
    let mut steps = vec![
        Step::new(
            Party::Browser,
            Party::Site,
            format!("GET {}/", site.origin),
            "Before it shows anything, the site asks whether your session at the provider still is.",
        )
        .answered("303 See Other", &[("Location", "/")]),
    ];
    let Ok(UserInfo::Refused) = site.userinfo(&person.userinfo_token, &mut steps).await else {
        return Ok(None);
    };
    if let Some(step) = steps.last_mut() {
        step.why =
            "The provider no longer takes the access token: somebody signed out at another site, or at the \
                    provider itself. So this site forgets you as well."
                .into();
    }
    let trace = Trace { title: "Signed out by the provider".into(), at: now, steps };
    let notice = "Your session at Countersign is over, so this site signed you out as well.".into();
    forget_person(site, held, notice, Some(trace), now).await.map(Some)
}

async fn page(site: &Site, session: &SiteSession, now: OffsetDateTime) -> Result<HttpResponse, SiteError> {
    let signed_in = match &session.person {
        None => None,
        Some(person) => Some(SignedIn {
            name: person.name.clone(),
            email: person.email.clone(),
            cards: cards(site, person, now).await,
            can_call: person.api_token.is_some(),
            rotates: site.rotates(),
        }),
    };
    let page = HomePage {
        shell: site.shell(),
        api: site.api.clone(),
        notice: session.notice.clone(),
        happened: session.trace.as_ref().map(|trace| words::instant(trace.at)),
        trace: session.trace.clone(),
        answer: session.answer.clone(),
        signed_in,
    };
    Ok(pages::html(StatusCode::OK, page.render()?))
}

async fn cards(site: &Site, person: &Person, now: OffsetDateTime) -> Vec<TokenCard> {
    let mut cards = vec![TokenCard::of_id_token(&person.id_token, &site.id_tokens, now).await];
    if let Some(token) = &person.api_token {
        cards.push(TokenCard::of_access_token(token, &site.api_tokens, now).await);
    }
    cards
}
