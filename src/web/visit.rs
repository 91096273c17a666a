//! The extractor of every handler: a request with the provider and the present instant.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use time::OffsetDateTime;

use crate::app::App;
use crate::protocol::client::Client;
use crate::state::StateError;
use crate::state::sessions::Session;
use crate::texts::Texts;
use crate::web::answer;
use crate::web::around::address::ClientAddress;
use crate::web::around::id::RequestId;
use crate::web::body::Body;
use crate::web::browser::{self, Browser};
use crate::web::failure::PageFailure;
use crate::web::shell::Shell;
use crate::web::{debug, instant, language};

/// A request with the provider it came to, and the instant for which it is decided.
#[derive(Clone)]
pub struct Visit {
    /// The request.
    pub req: HttpRequest,
    /// The provider.
    pub app: web::Data<App>,
    /// When the handler started, after the body was read. The clock is read once: everything that is decided for a
    /// request is decided for one instant.
    pub now: OffsetDateTime,
}

impl FromRequest for Visit {
    type Error = actix_web::Error;
    type Future = Ready<Result<Visit, actix_web::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Visit::begin(req))
    }
}

/// A visit whose request has a body. The body is read before the clock: a body takes up to ten seconds to arrive, and
/// a code or a ticket that expires meanwhile has to be refused.
pub struct VisitWithBody {
    /// The request.
    pub visit: Visit,
    /// Its body, or why there is none.
    pub body: Body,
}

impl FromRequest for VisitWithBody {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<VisitWithBody, actix_web::Error>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, reading) = (req.clone(), Bytes::from_request(req, payload));
        Box::pin(async move {
            let body = Body::from(reading.await);
            Ok(VisitWithBody { visit: Visit::begin(&req)?, body })
        })
    }
}

impl Visit {
    /// Reads the clock, once for this request.
    fn begin(req: &HttpRequest) -> Result<Visit, actix_web::Error> {
        let app = req.app_data::<web::Data<App>>().cloned();
        let app = app.ok_or_else(|| PageFailure::Internal("the server has no provider".into()))?;
        Ok(Visit { now: instant::begin(req, &app), req: req.clone(), app })
    }

    /// Notes the client that the request is from, for its lines in the log and for the client's developer.
    pub fn note_client(&self, client: &Client) {
        debug::note_client(&self.req, client);
    }

    /// The browser; none when it sent no cookie, or a malformed one.
    pub fn browser(&self) -> Option<Browser> {
        Browser::of(&self.req, &self.app)
    }

    /// The browser of a GET, which may be given its cookie now.
    pub fn browser_of_get(&self) -> Browser {
        Browser::of_get(&self.req, &self.app)
    }

    /// The browser record of the session cookie.
    pub async fn session(&self) -> Result<Option<Session>, StateError> {
        browser::session(&self.req, &self.app, self.now).await
    }

    /// The client's address.
    pub fn address(&self) -> Option<ClientAddress> {
        self.req.extensions().get::<ClientAddress>().copied()
    }

    /// The request id.
    pub fn id(&self) -> String {
        self.req.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default()
    }

    /// The texts, in the request's language.
    pub fn texts(&self) -> Texts {
        language::texts(&self.req)
    }

    /// The data of the layout, for a page that answers the request.
    pub fn shell(&self) -> Shell {
        answer::shell(&self.req, &self.app)
    }

    /// The address of a page of the provider, for a redirect.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.app.config.base)
    }
}
