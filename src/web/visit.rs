//! One request as its handler meets it.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use time::OffsetDateTime;

use crate::app::App;
use crate::state::StateError;
use crate::state::sessions::Session;
use crate::texts::Texts;
use crate::web::answer;
use crate::web::around::address::ClientAddress;
use crate::web::around::id::RequestId;
use crate::web::browser::{self, Browser};
use crate::web::failure::PageFailure;
use crate::web::language;
use crate::web::shell::Shell;

/// A request with the provider it came to, and the instant it came at.
#[derive(Clone)]
pub struct Visit {
    /// The request.
    pub req: HttpRequest,
    /// The provider.
    pub app: web::Data<App>,
    /// When the request came. The clock is read once: everything that is decided for a request is decided for one
    /// instant.
    pub now: OffsetDateTime,
}

impl FromRequest for Visit {
    type Error = actix_web::Error;
    type Future = Ready<Result<Visit, actix_web::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let app = req.app_data::<web::Data<App>>().cloned();
        let app = app.ok_or_else(|| PageFailure::Internal("the server has no provider".into()).into());
        ready(app.map(|app| Visit { now: arrived(req, &app), req: req.clone(), app }))
    }
}

/// When a request came, in its extensions from the beginning.
#[derive(Clone, Copy)]
struct Arrived(OffsetDateTime);

/// Reads the clock, once for this request.
pub fn arrive(req: &HttpRequest, app: &App) {
    req.extensions_mut().insert(Arrived(app.clock.now()));
}

/// When a request came.
pub fn arrived(req: &HttpRequest, app: &App) -> OffsetDateTime {
    let arrived = req.extensions().get::<Arrived>().copied();
    arrived.map_or_else(|| app.clock.now(), |Arrived(at)| at)
}

impl Visit {
    /// The browser; none when it sent no cookie, or a malformed one.
    pub fn browser(&self) -> Option<Browser> {
        Browser::of(&self.req, &self.app)
    }

    /// The browser of a GET, which may be given its cookie now.
    pub fn browser_of_get(&self) -> Browser {
        Browser::of_get(&self.req, &self.app)
    }

    /// The record this browser's session cookie opens.
    pub async fn session(&self) -> Result<Option<Session>, StateError> {
        browser::session(&self.req, &self.app, self.now).await
    }

    /// Where it came from.
    pub fn address(&self) -> Option<ClientAddress> {
        self.req.extensions().get::<ClientAddress>().copied()
    }

    /// Its name in the log.
    pub fn id(&self) -> String {
        self.req.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default()
    }

    /// The words to answer with, in its language.
    pub fn texts(&self) -> Texts {
        language::texts(&self.req)
    }

    /// What surrounds the page that answers it.
    pub fn shell(&self) -> Shell {
        answer::shell(&self.req, &self.app)
    }

    /// The address of a page of ours, for a redirect.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.app.config.base)
    }
}
