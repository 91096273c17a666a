//! The buttons: what is sent to the API, and what came back.

use actix_web::web::{Data, Form};
use actix_web::{HttpRequest, HttpResponse};
use reqwest::header::WWW_AUTHENTICATE;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::attacks::Attack;
use super::fault::{Fault, answer};
use super::provider::{body, in_words};
use super::{Person, Site, see_other};

/// Where the answer stands on the page.
const ANSWER: &str = "/#answer";

/// A button.
pub struct Call {
    /// The value it sends.
    pub name: &'static str,
    /// What it says.
    pub label: &'static str,
    /// The statuses that are right for it; the first is what a customer gets.
    pub expected: &'static [u16],
    /// Which of the three groups it stands in.
    pub group: Group,
    method: &'static str,
    path: &'static str,
    token: Shown,
    /// What is being tried.
    pub tries: &'static str,
    /// What the expected answer proves.
    pub lesson: &'static str,
}

/// The groups of buttons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// As a site uses an API.
    Use,
    /// A changed token.
    Tamper,
    /// The attacks everybody knows.
    Attack,
}

/// What is shown to the API.
#[derive(Clone, Copy, Debug)]
enum Shown {
    Good,
    Nothing,
    Bad(Attack),
}

/// Every button, in the order of the page.
pub static CALLS: [Call; 12] = [
    Call {
        name: "balances",
        label: "My balances",
        expected: &[200],
        group: Group::Use,
        method: "GET",
        path: "/balances",
        token: Shown::Good,
        tries: "The site shows the access token it was given.",
        lesson: "The API checked the token by itself, without asking the provider: signature, issuer, audience, times, \
                 scope. Whose balances these are, it read in sub.",
    },
    Call {
        name: "anonymous",
        label: "Without a token",
        expected: &[401],
        group: Group::Use,
        method: "GET",
        path: "/balances",
        token: Shown::Nothing,
        tries: "The same request, with nothing to show.",
        lesson: "The challenge names no error, because nothing was wrong: something was missing. It says where to learn \
                 which provider to ask for a token.",
    },
    Call {
        name: "transfer",
        label: "Transfer money",
        expected: &[403],
        group: Group::Use,
        method: "POST",
        path: "/transfers",
        token: Shown::Good,
        tries: "A good token, for something it was not given for.",
        lesson: "Who you are is not in doubt, so it is 403 and not 401. The token carries the scope balances.read; moving \
                 money needs balances.transfer, which this site may not even ask for.",
    },
    Call {
        name: "customers",
        label: "List of customers",
        expected: &[403, 200],
        group: Group::Use,
        method: "GET",
        path: "/customers",
        token: Shown::Good,
        tries: "A route for advisors: the role is in the token, signed by the provider.",
        lesson: "The roles in the token decide. Ada is a customer and gets 403; sign in as grace, who is an advisor, and \
                 the same button answers 200.",
    },
    Call {
        name: "flip",
        label: "Flip one character",
        expected: &[401],
        group: Group::Tamper,
        method: "GET",
        path: "/balances",
        token: Shown::Bad(Attack::Flip),
        tries: "The good token with one other character in its signature.",
        lesson: "A signature is of exactly these bytes, or of none.",
    },
    Call {
        name: "role",
        label: "Change role to admin",
        expected: &[401],
        group: Group::Tamper,
        method: "GET",
        path: "/customers",
        token: Shown::Bad(Attack::Role),
        tries: "Anybody can decode the claims and write others: here roles is now admin, under the old signature.",
        lesson: "The token can be read by everybody and changed by nobody: the signature is of the claims as they were \
                 issued.",
    },
    Call {
        name: "none",
        label: "alg: none",
        expected: &[401],
        group: Group::Attack,
        method: "GET",
        path: "/balances",
        token: Shown::Bad(Attack::AlgNone),
        tries: "The header now says that the token needs no signature. Libraries used to believe that.",
        lesson: "The header is the attacker's to write. Which algorithms count is the API's list, and none is not on it.",
    },
    Call {
        name: "hmac",
        label: "HMAC with the public key",
        expected: &[401],
        group: Group::Attack,
        method: "GET",
        path: "/balances",
        token: Shown::Bad(Attack::Hmac),
        tries: "The header says HS256, and the shared secret it was signed with is the provider's public key, which \
                everybody has.",
        lesson: "Each key is for one algorithm. A public key is never a shared secret, whatever the header says.",
    },
    Call {
        name: "audience",
        label: "Another audience",
        expected: &[401],
        group: Group::Attack,
        method: "GET",
        path: "/balances",
        token: Shown::Bad(Attack::Audience),
        tries: "A genuine access token of yours, in force, signed by the provider: the one for UserInfo.",
        lesson: "It is good, but not for this API. So a service that gets your token cannot use it at the next one.",
    },
    Call {
        name: "id-token",
        label: "The ID token instead",
        expected: &[401],
        group: Group::Attack,
        method: "GET",
        path: "/balances",
        token: Shown::Bad(Attack::IdToken),
        tries: "A genuine token, but of another kind: the proof of your sign-in.",
        lesson: "Its typ says what it is. An ID token tells a site who you are; it opens no API.",
    },
    Call {
        name: "issuer",
        label: "Another issuer",
        expected: &[401],
        group: Group::Attack,
        method: "GET",
        path: "/balances",
        token: Shown::Bad(Attack::Issuer),
        tries: "The same claims, properly signed, by a provider that somebody set up for the purpose.",
        lesson: "A signature proves who said it. The API believes one issuer only, and takes keys from nobody else.",
    },
    Call {
        name: "expired",
        label: "Expired",
        expected: &[401],
        group: Group::Attack,
        method: "GET",
        path: "/balances",
        token: Shown::Bad(Attack::Expired),
        tries: "Your token as it would be had it been issued an hour ago: the provider's own key signed it for this demo.",
        lesson: "Everything else about it is right, and time alone makes it worthless. A stolen token is soon one of these.",
    },
];

/// What was sent and what came back, as it is kept and shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    call: String,
    /// Method and address.
    pub line: String,
    /// The token, in its parts.
    pub token: Option<Vec<String>>,
    /// The status with its name.
    pub status: String,
    code: u16,
    /// `WWW-Authenticate`.
    pub challenge: Option<String>,
    /// The body, laid out.
    pub body: String,
}

impl Answer {
    /// The button that was pressed.
    pub fn call(&self) -> Option<&'static Call> {
        find(&self.call)
    }

    /// Whether it is what should have come.
    pub fn is_expected(&self) -> bool {
        self.call().is_some_and(|call| call.expected.contains(&self.code))
    }

    /// Whether the API did what was asked.
    pub fn is_success(&self) -> bool {
        self.code < 300
    }

    /// The cause of a refusal, in the API's words.
    pub fn cause(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_str(&self.body).ok()?;
        let said = body.get("error_description").or_else(|| body.get("message"))?;
        said.as_str().map(str::to_owned)
    }
}

fn find(name: &str) -> Option<&'static Call> {
    CALLS.iter().find(|call| call.name == name)
}

/// The form.
#[derive(Deserialize)]
pub struct Pressed {
    what: String,
}

/// `POST /call`: the answer is kept and shown by the next GET, so that a reload asks for nothing again.
pub async fn call(site: Data<Site>, request: HttpRequest, form: Form<Pressed>) -> HttpResponse {
    answer(&site, press(&site, &request, &form.what).await)
}

async fn press(site: &Site, request: &HttpRequest, what: &str) -> Result<HttpResponse, Fault> {
    let now = site.clock.now();
    let (Some(call), Some(mut held)) = (find(what), site.visits.find(request, now).await?) else {
        return Ok(see_other("/"));
    };
    let Some(person) = &held.visit.person else { return Ok(see_other("/")) };
    let Some(good) = &person.api_token else { return Ok(see_other("/")) };
    let token = token_for(site, call, person, good, now)?;
    held.visit.answer = Some(ask(site, call, token.as_deref()).await?);
    site.visits.keep(&held, now).await?;
    Ok(see_other(ANSWER))
}

fn token_for(
    site: &Site,
    call: &Call,
    person: &Person,
    good: &str,
    now: OffsetDateTime,
) -> Result<Option<String>, Fault> {
    match call.token {
        Shown::Nothing => Ok(None),
        Shown::Good => Ok(Some(good.to_owned())),
        Shown::Bad(attack) => attack.make(site, person, good, now).map(Some),
    }
}

/// Spec: RFC 6750 §2.1
async fn ask(site: &Site, call: &Call, token: Option<&str>) -> Result<Answer, Fault> {
    let url = format!("{}{}", site.api, call.path);
    let mut request = match call.method {
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
        call: call.name.into(),
        line: format!("{} {url}", call.method),
        token: token.map(|token| token.split('.').map(str::to_owned).collect()),
        status,
        code,
        challenge,
        body: laid_out.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned()),
    })
}
