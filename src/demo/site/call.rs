//! Sending the request of a button to the API.

use actix_web::web::{Data, Form};
use actix_web::{HttpRequest, HttpResponse};
use reqwest::header::WWW_AUTHENTICATE;
use serde::Deserialize;
use time::OffsetDateTime;

use super::attacks;
use super::buttons::{Answer, Button, TokenSent, find};
use super::error::{SiteError, answer};
use super::http::see_other;
use super::provider::{body, in_words};
use super::relying_party::Site;
use super::session::Person;

/// The anchor of the answer on the page.
const ANSWER: &str = "/#answer";

/// The form.
#[derive(Deserialize)]
pub struct Pressed {
    what: String,
}

/// `POST /call`: the answer is stored and displayed by the next GET, so that a reload repeats nothing.
pub async fn call(site: Data<Site>, request: HttpRequest, form: Form<Pressed>) -> HttpResponse {
    answer(&site, press(&site, &request, &form.what).await)
}

async fn press(site: &Site, request: &HttpRequest, what: &str) -> Result<HttpResponse, SiteError> {
    let now = site.clock.now();
    let (Some(button), Some(mut held)) = (find(what), site.sessions.find(request, now).await?) else {
        return Ok(see_other("/"));
    };
    let Some(person) = &held.session.person else { return Ok(see_other("/")) };
    let Some(good) = &person.api_token else { return Ok(see_other("/")) };
    let token = token_for(site, button, person, good, now)?;
    held.session.answer = Some(ask(site, button, token.as_deref()).await?);
    site.sessions.keep(&held, now).await?;
    Ok(see_other(ANSWER))
}

fn token_for(
    site: &Site,
    button: &Button,
    person: &Person,
    good: &str,
    now: OffsetDateTime,
) -> Result<Option<String>, SiteError> {
    match button.token {
        TokenSent::Nothing => Ok(None),
        TokenSent::Good => Ok(Some(good.to_owned())),
        TokenSent::Forged(attack) => attacks::forge(attack, site, person, good, now).map(Some),
    }
}

/// Spec: RFC 6750 §2.1
async fn ask(site: &Site, button: &Button, token: Option<&str>) -> Result<Answer, SiteError> {
    let url = format!("{}{}", site.api, button.path);
    let mut request = match button.method {
        "POST" => site.http.post(&url),
        _ => site.http.get(&url),
    };
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await?;
    let (status, code) = (in_words(response.status()), response.status().as_u16());
    let challenge =
        response.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = body(response).await?;
    let laid_out = serde_json::from_slice::<serde_json::Value>(&body).ok();
    let laid_out = laid_out.and_then(|value| serde_json::to_string_pretty(&value).ok());
    Ok(Answer {
        call: button.name.into(),
        line: format!("{} {url}", button.method),
        token: token.map(|token| token.split('.').map(str::to_owned).collect()),
        status,
        code,
        challenge,
        body: laid_out.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned()),
    })
}
