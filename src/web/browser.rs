//! What the browser holds of ours: three opaque cookies and a chosen language; and whether a form or a link
//! came from our own page.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use time::{Duration, OffsetDateTime};

use crate::app::App;
use crate::protocol::failure::PageFailure;
use crate::secret::{base64url, from_base64url, random, same, sha256};
use crate::state::StateError;
use crate::state::sessions::Session;

/// How long a browser is remembered, in days.
const BROWSER_DAYS: i64 = 400;
/// How long a choice of language is remembered, in days.
const LANGUAGE_DAYS: i64 = 365;

/// What a cookie is for; with a prefix and `Secure` wherever there is TLS.
#[derive(Clone, Copy, Debug)]
enum Jar {
    /// Opens the browser record.
    Session,
    /// Names this browser, so that tickets and forms can be bound to it.
    Browser,
    /// Shows that somebody has signed in here before.
    Device,
    /// Names the language that was chosen here.
    Language,
}

impl Jar {
    /// Spec: RFC 6265bis §4.1.3.2 (`__Host-`)
    fn name(self, development: bool) -> &'static str {
        match (self, development) {
            (Jar::Session, false) => "__Host-sid",
            (Jar::Browser, false) => "__Host-browser",
            (Jar::Device, false) => "__Host-device",
            (Jar::Language, false) => "__Host-lang",
            (Jar::Session, true) => "countersign_sid",
            (Jar::Browser, true) => "countersign_browser",
            (Jar::Device, true) => "countersign_device",
            (Jar::Language, true) => "countersign_lang",
        }
    }

    fn cookie<'c>(self, app: &App, value: String, max_age: Option<CookieDuration>) -> Cookie<'c> {
        let development = app.config.development;
        let cookie = Cookie::build(self.name(development), value)
            .path("/")
            .http_only(true)
            .secure(!development)
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

/// Takes the session cookie back.
pub fn no_session_cookie<'c>(app: &App) -> Cookie<'c> {
    Jar::Session.cookie(app, String::new(), Some(CookieDuration::ZERO))
}

/// The cookie of a browser in which somebody has signed in.
pub fn device_cookie<'c>(app: &App, value: String, max_age: Duration) -> Cookie<'c> {
    Jar::Device.cookie(app, value, Some(CookieDuration::seconds(max_age.whole_seconds())))
}

/// What that cookie says; nothing when there is none.
pub fn device_cookie_value(req: &HttpRequest, app: &App) -> String {
    value(req, app, Jar::Device)
}

/// The cookie that keeps the language somebody chose.
pub fn language_cookie<'c>(app: &App, value: String) -> Cookie<'c> {
    Jar::Language.cookie(app, value, Some(CookieDuration::days(LANGUAGE_DAYS)))
}

/// What that cookie says; nothing when there is none.
pub fn language_cookie_value(req: &HttpRequest, app: &App) -> String {
    value(req, app, Jar::Language)
}

fn value(req: &HttpRequest, app: &App, jar: Jar) -> String {
    req.cookie(jar.name(app.config.development)).map(|c| c.value().to_owned()).unwrap_or_default()
}

/// The record this browser's session cookie opens.
pub async fn session(
    req: &HttpRequest,
    app: &App,
    now: OffsetDateTime,
) -> Result<Option<Session>, StateError> {
    match req.cookie(Jar::Session.name(app.config.development)) {
        Some(cookie) => app.state.sessions.open(cookie.value(), now).await,
        None => Ok(None),
    }
}

/// One browser, by a random cookie that says nothing about anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browser {
    id: String,
    /// Whether the cookie is new and has to be sent along.
    is_new: bool,
}

impl Browser {
    /// The browser of a request; none when it sent no cookie, or a malformed one.
    pub fn of(req: &HttpRequest, app: &App) -> Option<Browser> {
        let id = req.cookie(Jar::Browser.name(app.config.development))?.value().to_owned();
        from_base64url(&id).filter(|bytes| bytes.len() == 16)?;
        Some(Browser { id, is_new: false })
    }

    /// The browser of a GET, which may be given its cookie now. A POST never sets it: any site could
    /// otherwise void the pages a person has open.
    pub fn of_get(req: &HttpRequest, app: &App) -> Browser {
        Browser::of(req, app).unwrap_or_else(|| Browser { id: base64url(&random::<16>()), is_new: true })
    }

    /// The cookie to send along, if the browser is new.
    pub fn new_cookie<'c>(&self, app: &App) -> Option<Cookie<'c>> {
        self.is_new
            .then(|| Jar::Browser.cookie(app, self.id.clone(), Some(CookieDuration::days(BROWSER_DAYS))))
    }

    /// What tickets are bound to: a hash, so that a ticket does not give the cookie away.
    pub fn binding(&self) -> [u8; 16] {
        let mut binding = [0; 16];
        binding.copy_from_slice(sha256(self.id.as_bytes()).first_chunk::<16>().unwrap_or(&[0; 16]));
        binding
    }

    /// What tells this browser from others where it has to be counted.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A token for forms that carry no ticket.
    pub fn csrf_token(&self, app: &App, purpose: &str) -> String {
        base64url(&app.keys.csrf.mac(&[purpose.as_bytes(), &[0], self.id.as_bytes()]))
    }

    /// Checks such a token.
    pub fn check_csrf(&self, app: &App, purpose: &str, sent: Option<&str>) -> Result<(), PageFailure> {
        let right = self.csrf_token(app, purpose);
        if sent.is_some_and(|sent| same(sent.as_bytes(), right.as_bytes())) {
            return Ok(());
        }
        Err(PageFailure::CrossSite("its token is not this browser's"))
    }
}

/// Refuses a form that another site sent: by what the browser itself says of its origin.
///
/// Spec: Fetch Metadata Request Headers §2.4 (`Sec-Fetch-Site`), RFC 6454 §7
pub fn refuse_cross_site(req: &HttpRequest, app: &App) -> Result<(), PageFailure> {
    let text = |name: &str| req.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some("same-origin" | "none"), _) => Ok(()),
        (Some(_), _) => Err(PageFailure::CrossSite("Sec-Fetch-Site says so")),
        (None, Some(origin)) if origin == app.config.origin => Ok(()),
        (None, Some(_)) => Err(PageFailure::CrossSite("Origin is not the issuer's")),
        (None, None) => Err(PageFailure::CrossSite("it has neither Sec-Fetch-Site nor Origin")),
    }
}

/// Tells whether a link was followed on another site, as far as the browser says.
///
/// Spec: Fetch Metadata Request Headers §2.4 (`Sec-Fetch-Site`)
pub fn is_from_elsewhere(req: &HttpRequest) -> bool {
    req.headers().get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}
