//! The request id.

use std::net::IpAddr;

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;

use super::address::is_trusted;
use crate::app::App;
use crate::ids::request_id;

/// The id of one request, in its extensions from the beginning.
#[derive(Clone)]
pub struct RequestId(pub String);

/// The id of a request: the one in the header of a trusted proxy, so that both logs have the same id, else a new one. A
/// header from elsewhere, or a malformed one, is ignored.
pub fn of(req: &ServiceRequest, app: &App, peer: Option<IpAddr>) -> String {
    let is_from_proxy = peer.is_some_and(|peer| is_trusted(app, peer));
    let given = req.headers().get("x-request-id").filter(|_| is_from_proxy);
    let given = given.and_then(|given| given.to_str().ok()).filter(|given| is_name(given));
    given.map_or_else(request_id, str::to_owned)
}

/// Puts the id into the request's extensions.
pub fn note(req: &mut ServiceRequest, id: &str) {
    req.extensions_mut().insert(RequestId(id.to_owned()));
}

fn is_name(given: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    (8..=64).contains(&given.len()) && given.bytes().all(fits)
}
