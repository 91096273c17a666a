//! All parameters: each at most once, and none over its limit.

use crate::protocol::cause::Cause;
use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;

/// Refuses a parameter that was sent twice or is too long.
///
/// Spec: RFC 6749 §3.1
pub fn check(params: &Params) -> Result<(), Refusal> {
    let refuse = |what: &'static str, name| {
        Err(Refusal::new("invalid_request", what).because(Cause::new(what).with("parameter", name)))
    };
    if let Some(name) = params.repeated() {
        return refuse("a parameter was sent more than once", name);
    }
    if let Some(name) = params.too_long() {
        return refuse("a parameter is too long", name);
    }
    Ok(())
}
