//! Whose scripts may read an answer of the endpoints that browser apps call.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};

use crate::protocol::client::Client;
use crate::web::debug;

/// What a handler learnt about the origin of its request.
#[derive(Clone, Copy)]
struct Verdict {
    allowed: bool,
}

/// Notes whether the now known client allows the request's origin; until a client is known, any origin
/// may read the answer, so that a browser app can see its own mistake.
pub fn note_client(req: &HttpRequest, client: &Client) {
    debug::note_client(req, client);
    if let Some(origin) = origin(req.headers()) {
        req.extensions_mut().insert(Verdict { allowed: client.allows_origin(&origin) });
    }
}

fn origin(headers: &header::HeaderMap) -> Option<String> {
    headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).map(str::to_owned)
}

/// Adds the CORS headers after the handler has spoken.
///
/// Spec: Fetch Standard §3.2
pub async fn around<B: MessageBody>(req: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let origin = origin(req.headers());
    let mut res = next.call(req).await?;
    let allowed = res.request().extensions().get::<Verdict>().is_none_or(|verdict| verdict.allowed);
    let headers = res.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin.filter(|_| allowed).and_then(|origin| HeaderValue::from_str(&origin).ok()) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed = HeaderValue::from_static("WWW-Authenticate, Retry-After");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    Ok(res)
}

/// Answers the question a browser asks before it sends `POST`.
pub async fn preflight_post() -> HttpResponse {
    preflight("POST")
}

/// Answers the question a browser asks before it sends `GET` or `POST`.
pub async fn preflight_get_post() -> HttpResponse {
    preflight("GET, POST")
}

fn preflight(methods: &str) -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, methods))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, Accept"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
        .finish()
}
