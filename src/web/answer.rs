//! Writing responses: pages, redirects, and the headers that they share.

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

/// The longest address that the language switch leads back to, in bytes. The link to it has to fit into an address too.
const LONGEST_HERE: usize = 8 * 1024;
/// The `Retry-After` of an answer that a store which cannot be reached has made impossible, in seconds.
pub const RETRY_AFTER: u32 = 5;

/// The data of a page's layout: language, base path, request id, and the page's own address.
pub fn shell(req: &HttpRequest, app: &App) -> Shell {
    let request_id = req.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    Shell { here: here(req), ..shell_of(app, request_id, language::texts(req)) }
}

/// The same without the request, which is lost after a panic.
pub fn shell_of(app: &App, request_id: String, texts: Texts) -> Shell {
    Shell { texts, base: app.config.base.clone(), request_id, here: None }
}

/// The address at which a page can be requested again. `ui_locales` is removed, because it would overrule the language
/// that the person has chosen. The answer to a form has no such address.
fn here(req: &HttpRequest) -> Option<String> {
    let (path, query) = (req.path(), req.query_string());
    if !matches!(*req.method(), Method::GET | Method::HEAD) || path.len() + query.len() > LONGEST_HERE {
        return None;
    }
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("ui_locales=")).collect();
    Some(if query.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) })
}

/// Whether a page has a form, which decides its Content Security Policy and its referrer policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// It has a form that posts to the provider.
    Form,
    /// It has only text and links.
    Text,
}

/// Renders a page.
///
/// Spec: Content Security Policy Level 3
pub fn page(app: &App, kind: PageKind, page: &impl Template) -> HttpResponse {
    // Chromium applies `form-action` to the whole chain of redirects after a form. With redirects as completion it would
    // block the redirect to the application.
    let form_action = match (kind, app.config.completion) {
        (PageKind::Form, Completion::Redirect) => "",
        (PageKind::Form, Completion::Interstitial) => "form-action 'self'; ",
        (PageKind::Text, _) => "form-action 'none'; ",
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         font-src 'self'; base-uri 'none'; {form_action}frame-ancestors 'none'"
    );
    // Under `no-referrer` a browser sends `Origin: null` with the provider's own forms.
    let referrer = if kind == PageKind::Form { "same-origin" } else { "no-referrer" };
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

/// Redirects the browser, after a GET or a POST, with a status that never repeats a form.
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

/// The page between a form and the application, which moves on by a refresh. Browsers apply the `form-action` of the
/// form's page to every redirect after it, and not to a refresh.
#[derive(Clone, Debug, Template)]
#[template(path = "interstitial.html")]
pub struct InterstitialPage {
    /// The data of the layout.
    pub shell: Shell,
    /// The application's name.
    pub client_name: String,
    /// The matched redirect URI with the parameters of the answer.
    pub url: String,
}

/// Leads the browser back to an application after a form: by a page, because a redirect would count as part of the
/// form's submission. The page moves on at once and has no language switch.
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

/// Sets the status of an answer; 503 gets `Retry-After` as well.
pub fn with_status(mut res: HttpResponse, status: u16) -> HttpResponse {
    *res.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == 503 {
        res.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER.into());
    }
    res
}

/// Sets `Retry-After`, rounded up to whole seconds: a request that is sent then is served.
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

/// Forbids caches to store an answer.
pub fn no_store(res: &mut HttpResponseBuilder) {
    res.insert_header((header::CACHE_CONTROL, "no-store"));
    res.insert_header((header::PRAGMA, "no-cache"));
}
