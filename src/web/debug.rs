//! Failures of a client: logged, and stored in the same words for the client's developer.

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
use crate::web::instant;

/// The registered client of one request, in its extensions once it is known.
struct Asking(String);

/// The pages whose failures count as failures of the authorization request.
const PAGES: [&str; 4] = ["/continue", "/login", "/select", "/consent"];
/// Failures and limits of the provider, which the developer of a client cannot mend.
const OF_PROVIDER: [&str; 2] = ["server_error", "temporarily_unavailable"];

/// Notes the client of a request, for its lines in the log too. Unregistered identifiers are never noted, because their
/// number is unbounded.
pub fn note_client(req: &HttpRequest, client: &Client) {
    log::note_client(&client.id);
    req.extensions_mut().insert(Asking(client.id.clone()));
}

/// Stores a failure for the developer of the request's client, if the client is known.
pub fn keep(req: &HttpRequest, app: &App, error: &'static str, cause: Cause) {
    let extensions = req.extensions();
    let (Some(Asking(client_id)), false) = (extensions.get(), OF_PROVIDER.contains(&error)) else { return };
    let path = req.path().strip_prefix(&app.config.base).unwrap_or_default();
    let now = instant::of(req, app);
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

/// The log level of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// The provider failed.
    OfProvider,
    /// A failure that can be mended: of a registered client, or of the installation.
    Mendable,
    /// Silent checks that need the person, and requests of strangers, which are frequent.
    Ordinary,
}

/// Logs a failure, and stores it for the developer of the request's client.
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
        Weight::OfProvider => tracing::error!(status, %cause, "failed"),
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
        (500.., _) | (_, Some("server_error")) => Weight::OfProvider,
        // An untrusted proxy or one that changes requests; guessing.
        (403 | 429, _) => Weight::Mendable,
        _ if is_of_client => Weight::Mendable,
        _ => Weight::Ordinary,
    }
}

/// Logs and stores what a request asked for and does not get, once a day for the same cause and not at each sign-on.
pub fn note_narrowed(req: &HttpRequest, app: &App, narrowed: &[Cause]) {
    for cause in narrowed {
        let is_new = req.extensions().get::<Asking>().is_some_and(|Asking(client_id)| {
            app.state.failures.note_report(client_id, cause, instant::of(req, app))
        });
        if is_new {
            tracing::warn!(%cause, "less is granted than was asked for");
            keep(req, app, NARROWED, cause.clone());
        }
    }
}

/// The error and the cause of a failure, for the client's developer.
pub fn told(error: &actix_web::Error) -> Option<(&'static str, Cause)> {
    let page = error.as_error().and_then(PageFailure::told);
    let page = page.or_else(|| error.as_error().and_then(AuthorizeFailure::told));
    let token = page.or_else(|| error.as_error().and_then(TokenFailure::told));
    token.or_else(|| error.as_error().and_then(BearerFailure::told))
}
