//! `registration`: clients that describe themselves in a request, which is not supported.

use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;

/// Refuses the parameter.
///
/// Spec: OpenID Connect Core §3.1.2.6, §7.2.1
pub fn check(params: &Params) -> Result<(), Refusal> {
    const NOT_OFFERED: &str = "the registration parameter is not supported";
    match params.get("registration") {
        None => Ok(()),
        Some(_) => Err(Refusal::new("registration_not_supported", NOT_OFFERED)),
    }
}
