//! Writing responses: one shape per kind of failure, and the few kinds of success.

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use askama::Template;
use serde_json::json;

use crate::app::App;
use crate::config::Completion;
use crate::db::DbError;
use crate::protocol::failure::{AuthorizeFailure, BearerFailure, PageFailure, TokenFailure};
use crate::state::StateError;
use crate::web::texts::Texts;
use crate::web::views::{ErrorPage, InterstitialPage, Shell};

/// How long a client should wait before it tries again when a store is away, in seconds.
const RETRY_AFTER: &str = "5";

/// The name of one request, in its extensions from the beginning.
#[derive(Clone)]
pub struct RequestId(pub String);

/// What surrounds a page: language, base path, request id.
pub fn shell(req: &HttpRequest, app: &App) -> Shell {
    let request_id = req.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    shell_of(app, request_id)
}

fn shell_of(app: &App, request_id: String) -> Shell {
    Shell { texts: Texts::english(), base: app.config.base.clone(), request_id }
}

/// Whether a page has forms of ours, which decides its policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Has a form that posts back to us.
    Form,
    /// Only text and links.
    Text,
}

/// Renders a page.
///
/// Spec: Content Security Policy Level 3
pub fn page(app: &App, kind: Kind, page: &impl Template) -> HttpResponse {
    // Chromium holds `form-action` against the whole redirect chain that follows a form: with plain
    // redirects as completion it would stop the way back to the application.
    let form_action = match (kind, app.config.completion) {
        (Kind::Form, Completion::Redirect) => "",
        (Kind::Form, Completion::Interstitial) => "form-action 'self'; ",
        (Kind::Text, _) => "form-action 'none'; ",
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         font-src 'self'; base-uri 'none'; {form_action}frame-ancestors 'none'"
    );
    // Under `no-referrer` a browser would send `Origin: null` with our own forms.
    let referrer = if kind == Kind::Form { "same-origin" } else { "no-referrer" };
    html(page, StatusCode::OK, &policy, referrer)
}

fn html(page: &impl Template, status: StatusCode, policy: &str, referrer: &'static str) -> HttpResponse {
    match page.render() {
        Ok(body) => HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_SECURITY_POLICY, policy))
            .insert_header((header::REFERRER_POLICY, referrer))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((HeaderName::from_static("cross-origin-resource-policy"), "same-origin"))
            .body(body),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// Sends the browser to an address after a GET or a POST; never with a status that repeats a form.
///
/// Spec: RFC 9700 §4.12
pub fn see_other(location: &str) -> HttpResponseBuilder {
    let mut res = HttpResponse::SeeOther();
    res.insert_header((header::LOCATION, location));
    res.insert_header((header::CACHE_CONTROL, "no-store"));
    res.insert_header((header::REFERRER_POLICY, "no-referrer"));
    res.insert_header((header::CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"));
    res
}

/// Takes the browser back to an application after an interaction: by a page, because a redirect would
/// count as part of the form submission that came before.
pub fn complete(req: &HttpRequest, app: &App, client_name: &str, url: &str) -> HttpResponse {
    if app.config.completion == Completion::Redirect {
        return see_other(url).finish();
    }
    let page = InterstitialPage { shell: shell(req, app), client_name: client_name.into(), url: url.into() };
    let policy =
        "default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
    html(&page, StatusCode::OK, policy, "no-referrer")
}

/// Adds a cookie, if there is one.
pub fn with_cookie(mut res: HttpResponse, cookie: Option<Cookie<'_>>) -> HttpResponse {
    if let Some(cookie) = cookie
        && let Err(error) = res.add_cookie(&cookie)
    {
        tracing::error!(%error, "a cookie could not be set");
    }
    res
}

/// Renders a failure as a page.
pub fn failure_page(app: &App, request_id: &str, failure: &PageFailure) -> HttpResponse {
    let shell = shell_of(app, request_id.into());
    let text = |part: &str, args: &[(&str, &str)]| {
        shell.texts.with(&format!("error-{}-{part}", failure.name()), args)
    };
    let mut next = text("next", &[]);
    let (mut what, mut back) = (None, None);
    match failure {
        PageFailure::ParameterRepeated(name) => what = Some(text("what", &[("name", name)])),
        PageFailure::TicketExpired { back: Some((name, url)) } => {
            next = text("next-client", &[("client", name)]);
            back = Some((name.clone(), url.clone()));
        }
        _ => (),
    }
    let status = StatusCode::from_u16(failure.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let page = ErrorPage {
        title: text("title", &[]),
        what: what.unwrap_or_else(|| text("what", &[])),
        next,
        code: failure.code().map(Into::into),
        details: if app.config.development { details(shell.texts, failure) } else { vec![] },
        back,
        status: status.as_u16(),
        shell,
    };
    let policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
                  frame-ancestors 'none'";
    let mut res = html(&page, status, policy, "no-referrer");
    if status == StatusCode::SERVICE_UNAVAILABLE {
        res.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(RETRY_AFTER));
    }
    if let PageFailure::Method(allow) = failure {
        res.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allow));
    }
    res
}

/// What a developer is told on the page itself, in development mode.
fn details(texts: Texts, failure: &PageFailure) -> Vec<(String, String)> {
    let line = |label: &str, value: String| (texts.get(label), value);
    match failure {
        PageFailure::RedirectUriMismatch(mismatch) | PageFailure::PostLogoutMismatch(mismatch) => {
            let nearest = mismatch.nearest.clone().unwrap_or_else(|| texts.get("detail-registered-none"));
            let mut lines = vec![line("detail-got", mismatch.sent.clone()), line("detail-nearest", nearest)];
            let differs = mismatch.differs.iter().map(|d| texts.get(&format!("differs-{}", d.name())));
            lines.extend(differs.map(|differs| line("detail-differs", differs)));
            lines
        }
        PageFailure::NotFound
        | PageFailure::Method(_)
        | PageFailure::CookiesOff
        | PageFailure::TicketExpired { .. } => vec![],
        other => vec![line("detail-cause", other.to_string())],
    }
}

// A page failure is rendered by the surrounding middleware, which has the request; these answers are
// what remains if it could not be.
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
            AuthorizeFailure::Reply { reply_to, error } => see_other(&reply_to.error(error)).finish(),
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
        if self.status == 503 {
            res.insert_header((header::RETRY_AFTER, RETRY_AFTER));
        }
        res.json(json!({ "error": self.error.code, "error_description": self.error.description }))
    }
}

impl ResponseError for BearerFailure {
    fn status_code(&self) -> StatusCode {
        match self {
            BearerFailure::Missing | BearerFailure::InvalidToken(_) => StatusCode::UNAUTHORIZED,
            BearerFailure::InvalidRequest(_) => StatusCode::BAD_REQUEST,
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

/// Forbids every cache to keep an answer.
pub fn no_store(res: &mut HttpResponseBuilder) {
    res.insert_header((header::CACHE_CONTROL, "no-store"));
    res.insert_header((header::PRAGMA, "no-cache"));
}

/// An answer to a program that used another method than the address answers to.
#[derive(Debug, thiserror::Error)]
#[error("method not allowed")]
pub struct MethodNotAllowed {
    /// The methods it answers to.
    pub allow: &'static str,
}

impl ResponseError for MethodNotAllowed {
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
            DbError::Unreachable { .. } => PageFailure::Busy(error.to_string()),
            other => PageFailure::Internal(other.to_string()),
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

impl From<StateError> for TokenFailure {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Unreachable(_) => TokenFailure::unavailable(error.to_string()),
            other => TokenFailure::server_error(other.to_string()),
        }
    }
}

impl From<DbError> for BearerFailure {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unreachable { .. } => BearerFailure::Unavailable(error.to_string()),
            other => BearerFailure::Internal(other.to_string()),
        }
    }
}

impl From<StateError> for BearerFailure {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Unreachable(_) => BearerFailure::Unavailable(error.to_string()),
            other => BearerFailure::Internal(other.to_string()),
        }
    }
}
