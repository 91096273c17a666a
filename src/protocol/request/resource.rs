//! `resource`: the APIs that the tokens are for.

use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;
use crate::protocol::request::wrong;
use crate::protocol::resource::Resources;
use crate::protocol::scope::Scope;

/// Resolves the resources to declared identifiers; refuses a scope whose resource has to be named and is not.
///
/// Spec: RFC 8707 §2, §2.1
pub fn read(params: &Params, resources: &Resources, scope: &Scope) -> Result<Vec<String>, Refusal> {
    const UNKNOWN: &str = "the requested resource is unknown here";
    const NEEDED: &str = "a requested scope belongs to a resource: send the resource parameter";
    let Ok(requested) = resources.resolve(params.all("resource")) else {
        return Err(wrong(params, "resource", "invalid_target", UNKNOWN));
    };
    if resources.needs_resource(&requested, scope).is_some() {
        return Err(wrong(params, "scope", "invalid_target", NEEDED));
    }
    Ok(requested)
}
