//! What goes wrong for a client is written into the log and, in the same words, kept for its developer.

use actix_web::http::StatusCode;
use actix_web::{HttpMessage, HttpRequest};

use crate::app::App;
use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::state::failures::{Failure, NARROWED};
use crate::telemetry::log;
use crate::web::around::address::ClientAddress;
use crate::web::around::id::RequestId;
use crate::web::failure::{AuthorizeFailure, BearerFailure, PageFailure, TokenFailure};
use crate::web::visit::arrived;

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
    let now = arrived(req, app);
    let network = extensions.get::<ClientAddress>().map(|from| from.network()).unwrap_or_default();
    let failure = Failure {
        last: now,
        first: now,
        count: 1,
        endpoint: if PAGES.contains(&path) { "/authorize".into() } else { path.into() },
        error: error.into(),
        cause,
        request_id: extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
        network: app.keys.vault.network(&network),
    };
    app.state.failures.note(client_id, failure);
}

/// How much a failure deserves to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// A fault of ours.
    Ours,
    /// A fault that can be mended: of a registered client, or of the installation.
    Mendable,
    /// Silent checks that need the person, and what strangers send: it happens all day.
    Ordinary,
}

/// Writes a failure into the log, and keeps it for the developer of the client behind the request.
pub fn record(
    req: &HttpRequest,
    app: &App,
    status: StatusCode,
    cause: &str,
    told: Option<(&'static str, Cause)>,
) {
    let code = told.as_ref().map(|(code, _)| *code);
    let is_of_client = code.is_some() && req.extensions().get::<Asking>().is_some();
    let status = status.as_u16();
    match weigh(status, code, is_of_client) {
        Weight::Ours => tracing::error!(status, %cause, "failed"),
        Weight::Mendable => tracing::warn!(status, %cause, "refused"),
        Weight::Ordinary => tracing::info!(status, %cause, "refused"),
    }
    if let Some((code, cause)) = told {
        keep(req, app, code, cause);
    }
}

fn weigh(status: u16, code: Option<&str>, is_of_client: bool) -> Weight {
    match (status, code) {
        (503, _) | (_, Some("temporarily_unavailable")) => Weight::Mendable,
        (500.., _) | (_, Some("server_error")) => Weight::Ours,
        // A proxy that is not trusted, or one that changes requests; and guessing.
        (403 | 429, _) => Weight::Mendable,
        _ if is_of_client => Weight::Mendable,
        _ => Weight::Ordinary,
    }
}

/// Tells of what a request asked for and is not granted: once a day for the same, and not at each sign-on.
pub fn note_narrowed(req: &HttpRequest, app: &App, narrowed: &[Cause]) {
    for cause in narrowed {
        let news = req
            .extensions()
            .get::<Asking>()
            .is_some_and(|Asking(client_id)| app.state.failures.is_news(client_id, cause, arrived(req, app)));
        if news {
            tracing::warn!(%cause, "less is granted than was asked for");
            keep(req, app, NARROWED, cause.clone());
        }
    }
}

/// What an answer that is a failure tells a developer.
pub fn told(error: &actix_web::Error) -> Option<(&'static str, Cause)> {
    let page = error.as_error().and_then(PageFailure::told);
    let page = page.or_else(|| error.as_error().and_then(AuthorizeFailure::told));
    let token = page.or_else(|| error.as_error().map(TokenFailure::told));
    token.or_else(|| error.as_error().and_then(BearerFailure::told))
}
