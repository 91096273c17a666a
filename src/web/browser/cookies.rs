//! Cookies: read by the rules of [`protocol::cookies`](crate::protocol::cookies) alone, and set with one set of
//! attributes.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::{self, HeaderValue};
use time::Duration;

use crate::app::App;
use crate::protocol::cookies::find;

/// How long a choice of language is remembered, in days.
const LANGUAGE_DAYS: i64 = 365;

/// The purpose of a cookie.
#[derive(Clone, Copy, Debug)]
pub(super) enum Jar {
    /// The secret of the browser record.
    Session,
    /// The browser's identifier, to which tickets, forms and the browser record are bound.
    Browser,
    /// The accounts that have signed in in this browser before.
    Device,
    /// The language that was chosen in this browser.
    Language,
}

impl Jar {
    fn name(self, app: &App) -> &str {
        let names = &app.cookies;
        match self {
            Jar::Session => &names.session,
            Jar::Browser => &names.browser,
            Jar::Device => &names.device,
            Jar::Language => &names.language,
        }
    }

    /// The value in a request. Of several cookies of this name the first one counts, and a warning is logged.
    pub(super) fn read<'r>(self, req: &'r HttpRequest, app: &App) -> Option<&'r str> {
        let name = self.name(app);
        let found = find(req.headers().get_all(header::COOKIE).map(HeaderValue::as_bytes), name);
        if found.repeated {
            tracing::warn!(name, "a cookie was sent more than once; the first one counts");
        }
        found.value
    }

    /// A cookie for this host alone that scripts cannot read; with TLS it is `Secure`, and its name has a prefix.
    ///
    /// Spec: RFC 6265bis §4.1.2
    pub(super) fn cookie<'c>(self, app: &App, value: String, max_age: Option<CookieDuration>) -> Cookie<'c> {
        let cookie = Cookie::build(self.name(app).to_owned(), value)
            .path("/")
            .http_only(true)
            .secure(!app.config.development)
            .same_site(SameSite::Lax);
        match max_age {
            Some(max_age) => cookie.max_age(max_age).finish(),
            None => cookie.finish(),
        }
    }
}

/// The cookie that opens a browser record.
pub fn session_cookie<'c>(app: &App, value: String, max_age: Option<Duration>) -> Cookie<'c> {
    Jar::Session.cookie(app, value, max_age.map(|span| CookieDuration::seconds(span.whole_seconds())))
}

/// The cookie that deletes the session cookie.
pub fn no_session_cookie<'c>(app: &App) -> Cookie<'c> {
    Jar::Session.cookie(app, String::new(), Some(CookieDuration::ZERO))
}

/// The cookie with the language that a person chose.
pub fn language_cookie<'c>(app: &App, value: String) -> Cookie<'c> {
    Jar::Language.cookie(app, value, Some(CookieDuration::days(LANGUAGE_DAYS)))
}

/// The value of that cookie; empty when there is none.
pub fn language_cookie_value<'r>(req: &'r HttpRequest, app: &App) -> &'r str {
    Jar::Language.read(req, app).unwrap_or_default()
}
