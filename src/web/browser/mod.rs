//! A browser: its cookies, and the origin of its requests.

use actix_web::HttpRequest;
use actix_web::cookie::Cookie;
use actix_web::cookie::time::Duration as CookieDuration;
use time::OffsetDateTime;

use crate::app::App;
use crate::secret::{base64url, from_base64url, random, sha256};
use crate::state::StateError;
use crate::state::sessions::Session;

use cookies::Jar;

pub mod cookies; // reading and setting cookies
pub mod device; // the cookie of a known device
pub mod origin; // the origin of forms, links and navigations

/// The lifetime of the browser's cookie, in days.
const BROWSER_DAYS: i64 = 400;

/// The browser record of the session cookie; none without the browser's own cookie, to which it is bound.
pub async fn session(
    req: &HttpRequest,
    app: &App,
    now: OffsetDateTime,
) -> Result<Option<Session>, StateError> {
    let Some((cookie, browser)) = Jar::Session.read(req, app).zip(Browser::of(req, app)) else {
        return Ok(None);
    };
    app.state.sessions.open(cookie, &browser.binding(), now).await
}

/// One browser, identified by a random cookie that reveals nothing about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browser {
    id: String,
    /// Whether the cookie is new and has to be sent along.
    is_new: bool,
}

impl Browser {
    /// The browser of a request; none when it sent no cookie, or a malformed one.
    pub fn of(req: &HttpRequest, app: &App) -> Option<Browser> {
        let id = Jar::Browser.read(req, app)?.to_owned();
        from_base64url(&id).filter(|bytes| bytes.len() == 16)?;
        Some(Browser { id, is_new: false })
    }

    /// The browser of a GET, which may set its cookie. A POST never sets it, or any site could make the open pages of a
    /// person invalid.
    pub fn of_get(req: &HttpRequest, app: &App) -> Browser {
        Browser::of(req, app).unwrap_or_else(|| Browser { id: base64url(&random::<16>()), is_new: true })
    }

    /// The cookie to send along, if the browser is new.
    pub fn new_cookie<'c>(&self, app: &App) -> Option<Cookie<'c>> {
        let max_age = Some(CookieDuration::days(BROWSER_DAYS));
        self.is_new.then(|| Jar::Browser.cookie(app, self.id.clone(), max_age))
    }

    /// The hash to which tickets and browser records are bound. It does not reveal the cookie.
    pub fn binding(&self) -> [u8; 16] {
        let mut binding = [0; 16];
        binding.copy_from_slice(sha256(self.id.as_bytes()).first_chunk::<16>().unwrap_or(&[0; 16]));
        binding
    }

    /// The identifier, for counters.
    pub fn id(&self) -> &str {
        &self.id
    }
}
