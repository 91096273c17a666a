//! Answering failures: one shape on the wire for each kind.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

use crate::app::App;
use crate::db::DbError;
use crate::keys::KeyError;
use crate::protocol::client::{self, SigningAlg};
use crate::protocol::failure::{AuthorizeFailure, BearerFailure, PageFailure, TokenFailure};
use crate::protocol::shown::Shown;
use crate::state::StateError;
use crate::texts::Texts;
use crate::web::answer::{RETRY_AFTER, html, no_store, retry_after, with_status};
use crate::web::cors;
use crate::web::views::{ErrorPage, Shell, wait_text};

/// Renders a failure as a page.
pub fn failure_page(app: &App, shell: Shell, failure: &PageFailure) -> HttpResponse {
    let text = |part: &str, args: &[(&str, &str)]| {
        shell.texts.with(&format!("error-{}-{part}", failure.name()), args)
    };
    let now = app.clock.now();
    let waits = matches!(failure, PageFailure::RateLimited { .. });
    let mut next = if waits { String::new() } else { text("next", &[]) };
    let (mut what, mut back) = (None, None);
    match failure {
        PageFailure::RateLimited { until, .. } => {
            let wait = |part| wait_text(shell.texts, &format!("error-rate-limited-{part}"), *until, now);
            what = Some(wait("what"));
            next = wait("next");
        }
        PageFailure::ParameterRepeated(name) => what = Some(text("what", &[("name", name)])),
        PageFailure::TicketExpired { back: Some((name, url)) } => {
            next = text("next-client", &[("client", name)]);
            back = Some((name.clone(), url.clone()));
        }
        _ => (),
    }
    let page = ErrorPage {
        title: text("title", &[]),
        what: what.unwrap_or_else(|| text("what", &[])),
        next,
        code: failure.code().map(Into::into),
        details: if app.config.development { details(shell.texts, failure) } else { vec![] },
        back,
        status: failure.status(),
        shell,
    };
    let policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
                  frame-ancestors 'none'";
    let mut res = with_status(html(&page, policy, "no-referrer"), failure.status());
    match failure {
        PageFailure::Method(allow) => {
            res.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allow));
        }
        PageFailure::RateLimited { until, .. } => res = retry_after(res, *until - now),
        _ => (),
    }
    res
}

/// What a developer is told on the page itself, in development mode: each label once, with its values.
fn details(texts: Texts, failure: &PageFailure) -> Vec<(String, Vec<String>)> {
    let mut lines: Vec<(String, Vec<String>)> = vec![];
    let mut add = |label: &str, value: String| {
        let label = texts.get(label);
        match lines.iter_mut().find(|(known, _)| *known == label) {
            Some((_, values)) => values.push(value),
            None => lines.push((label, vec![value])),
        }
    };
    match failure {
        PageFailure::RedirectUriMismatch(mismatch) => {
            for fact in failure.cause().facts {
                match &*fact.name {
                    "sent" => add("detail-got", fact.value.to_string()),
                    "nearest" => add("detail-nearest", fact.value.to_string()),
                    "character" => add("detail-character", fact.value.to_string()),
                    "in ASCII" => add("detail-ascii", fact.value.to_string()),
                    _ => add("detail-differs", texts.get(&format!("differs-{}", fact.value))),
                }
            }
            if mismatch.nearest.is_none() {
                add("detail-nearest", texts.get("detail-registered-none"));
            }
        }
        PageFailure::NotFound
        | PageFailure::Method(_)
        | PageFailure::CookiesOff
        | PageFailure::TicketExpired { .. } => (),
        other => add("detail-cause", other.to_string()),
    }
    lines
}

/// What a client is told whose ID Tokens no key signs; where one should, the operator is told as well.
pub fn no_key(app: &App, alg: SigningAlg) -> TokenFailure {
    let failure = client::no_key(alg, &app.config.keys.algorithms);
    if failure.status == 503 {
        tracing::error!(cause = %failure, "a key that is to sign is missing");
    }
    failure
}

// What needs a page, or a form to post, is rendered by the surrounding middleware, which has the request;
// these answers are what remains if it could not be.
impl ResponseError for PageFailure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl ResponseError for AuthorizeFailure {
    fn status_code(&self) -> StatusCode {
        match self {
            AuthorizeFailure::Page(page) => page.status_code(),
            AuthorizeFailure::Reply { .. } => StatusCode::SEE_OTHER,
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            AuthorizeFailure::Page(page) => page.error_response(),
            AuthorizeFailure::Reply { .. } => HttpResponse::new(self.status_code()),
        }
    }
}

impl ResponseError for TokenFailure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Spec: RFC 6749 §5.2
    fn error_response(&self) -> HttpResponse {
        let mut res = HttpResponse::build(self.status_code());
        no_store(&mut res);
        if let Some(seconds) = self.retry_after {
            res.insert_header((header::RETRY_AFTER, seconds));
        }
        res.json(json!({ "error": self.error.code, "error_description": self.error.description }))
    }
}

impl ResponseError for BearerFailure {
    fn status_code(&self) -> StatusCode {
        match self {
            BearerFailure::Missing | BearerFailure::InvalidToken(_) => StatusCode::UNAUTHORIZED,
            BearerFailure::InvalidRequest(_) | BearerFailure::Origin(_) => StatusCode::BAD_REQUEST,
            BearerFailure::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            BearerFailure::InsufficientScope(_) => StatusCode::FORBIDDEN,
            BearerFailure::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            BearerFailure::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Spec: RFC 6750 §3, §3.1
    fn error_response(&self) -> HttpResponse {
        let mut res = HttpResponse::build(self.status_code());
        no_store(&mut res);
        let (code, description) = match self {
            BearerFailure::Missing => {
                res.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
                return res.finish();
            }
            BearerFailure::InvalidRequest(description) => ("invalid_request", *description),
            BearerFailure::Origin(_) => ("invalid_request", cors::NOT_REGISTERED),
            BearerFailure::TooLarge => ("invalid_request", "the request is too large"),
            BearerFailure::InvalidToken(_) => ("invalid_token", "the access token is not valid"),
            BearerFailure::InsufficientScope(_) => ("insufficient_scope", "the access token lacks a scope"),
            BearerFailure::Unavailable(_) => ("temporarily_unavailable", "try again in a moment"),
            BearerFailure::Internal(_) => ("server_error", "the server failed"),
        };
        match self {
            BearerFailure::Unavailable(_) => {
                res.insert_header((header::RETRY_AFTER, RETRY_AFTER));
            }
            BearerFailure::Internal(_) => (),
            _ => {
                let scope = match self {
                    BearerFailure::InsufficientScope(scope) => format!(", scope=\"{scope}\""),
                    _ => String::new(),
                };
                let challenge =
                    format!("Bearer error=\"{code}\", error_description=\"{description}\"{scope}");
                res.insert_header((header::WWW_AUTHENTICATE, challenge));
            }
        }
        res.json(json!({ "error": code, "error_description": description }))
    }
}

/// An answer to a program that used another method than the address answers to.
#[derive(Debug, thiserror::Error)]
#[error("method not allowed")]
pub struct MethodNotAllowed {
    /// The methods it answers to.
    pub allow: &'static str,
}

impl ResponseError for MethodNotAllowed {
    fn status_code(&self) -> StatusCode {
        StatusCode::METHOD_NOT_ALLOWED
    }

    fn error_response(&self) -> HttpResponse {
        let mut res = HttpResponse::MethodNotAllowed();
        no_store(&mut res);
        res.insert_header((header::ALLOW, self.allow));
        res.json(
            json!({ "error": "invalid_request", "error_description": "this method is not allowed here" }),
        )
    }
}

impl From<DbError> for PageFailure {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unreachable { .. } => PageFailure::Busy(Shown::of(&error)),
            other => PageFailure::Internal(Shown::of(&other)),
        }
    }
}

impl From<DbError> for AuthorizeFailure {
    fn from(error: DbError) -> Self {
        AuthorizeFailure::Page(error.into())
    }
}

impl From<StateError> for AuthorizeFailure {
    fn from(error: StateError) -> Self {
        AuthorizeFailure::Page(error.into())
    }
}

impl From<DbError> for TokenFailure {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unreachable { .. } => TokenFailure::unavailable(error.to_string()),
            other => TokenFailure::server_error(other.to_string()),
        }
    }
}

impl From<KeyError> for TokenFailure {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::OutOfTouch(_) => TokenFailure::unavailable(error.to_string()),
            other => TokenFailure::server_error(other.to_string()),
        }
    }
}

impl From<StateError> for TokenFailure {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Broken(cause) => TokenFailure::server_error(cause),
            other => TokenFailure::unavailable(other.to_string()),
        }
    }
}

impl From<DbError> for BearerFailure {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unreachable { .. } => BearerFailure::Unavailable(Shown::of(&error)),
            other => BearerFailure::Internal(Shown::of(&other)),
        }
    }
}

impl From<StateError> for BearerFailure {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Broken(cause) => BearerFailure::Internal(cause.into()),
            other => BearerFailure::Unavailable(Shown::of(&other)),
        }
    }
}

impl From<StateError> for PageFailure {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Broken(cause) => PageFailure::Internal(cause.into()),
            StateError::Unreachable(why) => PageFailure::StateDown(why.into()),
            StateError::Contended => PageFailure::StateDown(Shown::of(&error)),
        }
    }
}
