//! `client_id`: the client of the request, read before all else.

use crate::protocol::params::Params;
use crate::protocol::request::unanswerable::Unanswerable;

/// Names the client of a request. A repeated parameter is refused, because it decides where the answer goes.
///
/// Spec: RFC 6749 §3.1, §4.1.1
pub fn client_id(params: &Params) -> Result<&str, Unanswerable> {
    for name in ["client_id", "redirect_uri", "request", "request_uri"] {
        if params.is_repeated(name) {
            return Err(Unanswerable::ParameterRepeated(name));
        }
    }
    params.get("client_id").ok_or(Unanswerable::ClientIdMissing)
}
