//! What goes wrong for a client is kept for its developer, from the same words that go into the log.

use actix_web::{HttpMessage, HttpRequest};

use crate::app::App;
use crate::protocol::cause::{Cause, Told};
use crate::protocol::client::Client;
use crate::protocol::failure::{AuthorizeFailure, BearerFailure, PageFailure, TokenFailure};
use crate::state::failures::Failure;
use crate::telemetry::log;
use crate::web::answer::RequestId;

/// The registered client behind one request, in its extensions once it is known.
struct Asking(String);

/// Where a failure counts as one of the authorization request that led there.
const PAGES: [&str; 4] = ["/continue", "/login", "/select", "/consent"];
/// Faults and limits of ours, which no developer of a client can do anything about.
const OURS: [&str; 2] = ["server_error", "temporarily_unavailable"];

/// Notes whose request this is, for its lines in the log too. A name that is not registered is never noted: there is no end of those.
pub fn note_client(req: &HttpRequest, client: &Client) {
    log::note_client(&client.id);
    req.extensions_mut().insert(Asking(client.id.clone()));
}

/// Keeps a failure for the developer of the client behind this request, if one is known.
pub fn keep(req: &HttpRequest, app: &App, error: &'static str, cause: Cause) {
    let extensions = req.extensions();
    let (Some(Asking(client_id)), false) = (extensions.get(), OURS.contains(&error)) else { return };
    let path = req.path().strip_prefix(&app.config.base).unwrap_or_default();
    let now = app.clock.now();
    let failure = Failure {
        last: now,
        first: now,
        count: 1,
        endpoint: if PAGES.contains(&path) { "/authorize".into() } else { path.into() },
        error: error.into(),
        cause,
        request_id: extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
    };
    app.state.failures.note(client_id, failure);
}

/// What an answer that is a failure tells a developer.
pub fn told(error: &actix_web::Error) -> Option<(&'static str, Cause)> {
    let page = error.as_error::<PageFailure>().and_then(Told::told);
    let page = page.or_else(|| error.as_error::<AuthorizeFailure>().and_then(Told::told));
    let token = page.or_else(|| error.as_error::<TokenFailure>().and_then(Told::told));
    token.or_else(|| error.as_error::<BearerFailure>().and_then(Told::told))
}
