//! Writing responses: one shape per kind of failure, and the few kinds of success.

use actix_web::cookie::Cookie;
use actix_web::http::header::{self, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder};
use askama::Template;
use time::Duration;

use crate::app::App;
use crate::config::Completion;
use crate::texts::Texts;
use crate::web::around::id::RequestId;
use crate::web::language;
use crate::web::shell::Shell;

/// The longest address that the language switch leads back to; the link to it must fit into an address too.
const LONGEST_HERE: usize = 8 * 1024;
/// How long a client should wait before it tries again when a store is away, in seconds.
pub const RETRY_AFTER: &str = "5";

/// What surrounds a page: language, base path, request id, and where to find it again.
pub fn shell(req: &HttpRequest, app: &App) -> Shell {
    let request_id = req.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    Shell { here: here(req), ..shell_of(app, request_id, language::texts(req)) }
}

/// The same where the request is out of reach.
pub fn shell_of(app: &App, request_id: String, texts: Texts) -> Shell {
    Shell { texts, base: app.config.base.clone(), request_id, here: None }
}

/// The address a page can be asked for again at, without the application's wish for a language: it would
/// overrule the choice that brings the person back here. An answer to a form has none.
fn here(req: &HttpRequest) -> Option<String> {
    let (path, query) = (req.path(), req.query_string());
    if !matches!(*req.method(), Method::GET | Method::HEAD) || path.len() + query.len() > LONGEST_HERE {
        return None;
    }
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("ui_locales=")).collect();
    Some(if query.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) })
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
    html(page, &policy, referrer)
}

/// Renders a page under a policy of its own.
pub fn html(page: &impl Template, policy: &str, referrer: &'static str) -> HttpResponse {
    match page.render() {
        Ok(body) => HttpResponse::Ok()
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

/// The stop between a form and the application: browsers hold every redirect after a form against the page's
/// `form-action`, but not a refresh.
#[derive(Clone, Debug, Template)]
#[template(path = "interstitial.html")]
pub struct InterstitialPage {
    /// What surrounds the content.
    pub shell: Shell,
    /// The application's name.
    pub client_name: String,
    /// Where the answer goes; a matched redirect URI with its parameters.
    pub url: String,
}

/// Takes the browser back to an application after an interaction: by a page, because a redirect would
/// count as part of the form submission that came before. The page is gone in a blink, so it is not asked for
/// in another language.
pub fn complete(shell: Shell, app: &App, client_name: &str, url: &str) -> HttpResponse {
    if app.config.completion == Completion::Redirect {
        return see_other(url).finish();
    }
    let shell = Shell { here: None, ..shell };
    let page = InterstitialPage { shell, client_name: client_name.into(), url: url.into() };
    let policy =
        "default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
    html(&page, policy, "no-referrer")
}

/// Says that the page is not a success; 503 also says when to try again.
pub fn with_status(mut res: HttpResponse, status: u16) -> HttpResponse {
    *res.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == 503 {
        res.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(RETRY_AFTER));
    }
    res
}

/// Says after how long to try again: a request that comes then is served, so what is left of a second counts as one.
///
/// Spec: RFC 9110 §10.2.3
pub fn retry_after(mut res: HttpResponse, wait: Duration) -> HttpResponse {
    res.headers_mut().insert(header::RETRY_AFTER, whole_seconds(wait).into());
    res
}

/// A wait in seconds, rounded up.
pub fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.whole_seconds()).unwrap_or_default().saturating_add(1)
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

/// Forbids every cache to keep an answer.
pub fn no_store(res: &mut HttpResponseBuilder) {
    res.insert_header((header::CACHE_CONTROL, "no-store"));
    res.insert_header((header::PRAGMA, "no-cache"));
}
