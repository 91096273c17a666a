//! CORS: which scripts may read an answer of the endpoints that browser apps call.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse};

use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::web::failure::{BearerFailure, NOT_REGISTERED, TokenFailure};
use crate::web::visit::Visit;

/// How long a browser may remember the answer to a preflight, in seconds.
const MAX_AGE: &str = "600";

/// A request from a script of an origin that is not registered for its client.
pub struct ForeignOrigin(Cause);

/// Refuses a script of another origin than the client's and the provider's own, before anything is spent, and notes the
/// client of the request. The script can read the refusal.
///
/// Origins of other schemes than `http` and `https` are not refused: native shells send `null`, or a scheme of their
/// own. Without CORS headers no browser lets a script read the answer.
pub fn admit_origin(visit: &Visit, client: &Client) -> Result<(), ForeignOrigin> {
    visit.note_client(client);
    match web_origin(visit.req.headers()) {
        Some(origin) if origin != visit.app.config.origin && !client.allows_origin(origin) => {
            let cause = Cause::new(
                "the request came from a script of an origin that is not registered for this client",
            );
            Err(ForeignOrigin(cause.with("origin", origin).mend(
                "name the origin in allowed_cors_origins, or take the header Origin off where no browser sends it",
            )))
        }
        _ => Ok(()),
    }
}

impl From<ForeignOrigin> for TokenFailure {
    fn from(ForeignOrigin(cause): ForeignOrigin) -> Self {
        TokenFailure::bad_request("invalid_request", NOT_REGISTERED).because(cause)
    }
}

impl From<ForeignOrigin> for BearerFailure {
    fn from(ForeignOrigin(cause): ForeignOrigin) -> Self {
        BearerFailure::Origin(cause)
    }
}

/// The origin of the script that sent a request, if its scheme is `http` or `https`.
fn web_origin(headers: &HeaderMap) -> Option<&str> {
    let origin = headers.get(header::ORIGIN)?.to_str().ok()?;
    (origin.starts_with("https://") || origin.starts_with("http://")).then_some(origin)
}

/// Adds the CORS headers to the handler's answer. A refusal can be read by any script; a grant was made to this origin.
/// Credentials are never allowed.
///
/// Spec: Fetch Standard §3.2
pub async fn around<B: MessageBody>(req: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let origin = web_origin(req.headers()).and_then(|origin| HeaderValue::from_str(origin).ok());
    let mut res = next.call(req).await?;
    let headers = res.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed = HeaderValue::from_static("WWW-Authenticate, Retry-After");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    Ok(res)
}

/// The scripts that may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    /// Scripts of registered clients; [`around`] names their origin.
    Registered,
    /// Any script: the answers are public.
    Any,
}

/// Answers a preflight request for these methods.
pub fn preflight(req: &HttpRequest, methods: &'static str, scripts: Scripts) -> HttpResponse {
    let mut res = allow(req, methods);
    if scripts == Scripts::Any {
        res.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    res
}

/// Allows all requested headers. No credentials are allowed, so headers that tracing adds, such as `traceparent`,
/// reveal nothing.
fn allow(req: &HttpRequest, methods: &'static str) -> HttpResponse {
    let mut res = HttpResponse::NoContent();
    res.insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, methods));
    res.insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE));
    res.append_header((header::VARY, "Access-Control-Request-Headers"));
    if let Some(asked) = req.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        res.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone()));
    }
    res.finish()
}
