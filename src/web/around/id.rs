//! The name of a request.

use std::net::IpAddr;

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;

use super::address::is_trusted;
use crate::app::App;
use crate::ids::request_id;

/// The name of one request, in its extensions from the beginning.
#[derive(Clone)]
pub struct RequestId(pub String);

/// Names a request. A trusted proxy in front may have named it already, so that one name leads through both logs;
/// a name from elsewhere, or one that does not look like one, is passed over.
pub fn of(req: &ServiceRequest, app: &App, peer: Option<IpAddr>) -> String {
    let is_from_proxy = peer.is_some_and(|peer| is_trusted(app, peer));
    let given = req.headers().get("x-request-id").filter(|_| is_from_proxy);
    let given = given.and_then(|given| given.to_str().ok()).filter(|given| is_name(given));
    given.map_or_else(request_id, str::to_owned)
}

/// Notes the name for everything that has the request.
pub fn note(req: &mut ServiceRequest, id: &str) {
    req.extensions_mut().insert(RequestId(id.to_owned()));
}

fn is_name(given: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    (8..=64).contains(&given.len()) && given.bytes().all(fits)
}
