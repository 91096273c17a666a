//! `response_type` and `response_mode`: what the response is, and how it is sent.

use crate::protocol::cause::Cause;
use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;
use crate::protocol::reply::ResponseMode;
use crate::protocol::request::wrong;

/// Accepts `code` and no other type.
///
/// Spec: RFC 6749 §3.1.1, §4.1.2.1
pub fn check_type(params: &Params) -> Result<(), Refusal> {
    const MISSING: &str = "response_type is missing";
    const ONLY: &str = "only response_type=code is supported";
    match params.get("response_type") {
        Some("code") => Ok(()),
        Some(_) => Err(wrong(params, "response_type", "unsupported_response_type", ONLY)),
        None => Err(Refusal::new("invalid_request", MISSING)
            .because(Cause::new(MISSING).with("received", params.names()))),
    }
}

/// Accepts a mode that can carry a response to this redirect URI.
///
/// Spec: OAuth 2.0 Multiple Response Type Encoding Practices §2.1
pub fn check_mode(params: &Params, redirect_uri: &str) -> Result<(), Refusal> {
    match params.get("response_mode").map(|mode| ResponseMode::parse(mode, redirect_uri)) {
        Some(Err(fault)) => Err(wrong(params, "response_mode", "invalid_request", fault.description())),
        _ => Ok(()),
    }
}
