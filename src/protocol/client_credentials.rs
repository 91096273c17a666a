//! `client_credentials`: what a client may have for itself.

use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;
use crate::protocol::request::less_granted;
use crate::protocol::resource::{Resources, TargetFault};
use crate::protocol::scope::{Scope, is_standard};

/// What one token of a client is issued for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The scopes, all of them scopes of a resource.
    pub scope: Scope,
    /// The resources asked for, by their declared identifiers; if none, the token is for the default ones of its scopes.
    pub resources: Vec<String>,
    /// The part of the scope that is not granted, for the developer of the client.
    pub narrowed: Option<Cause>,
}

/// Reads what a client asks for. Scopes about a person are left out, because there is none. Without `scope` the client
/// gets everything that it may have at these resources.
///
/// Spec: RFC 6749 §3.3, §4.4.2
pub fn read(params: &Params, client: &Client, declared: &Resources) -> Result<Wanted, Refusal> {
    if client.is_public() {
        return Err(refused("the client is public: it has no credentials that could prove it"));
    }
    let known = declared.all_scopes();
    let allowed = client.allowed_scopes().filter(|name| known.has(name) && !is_standard(name));
    let resources = resources(params, declared, &allowed)?;
    let reached = allowed.filter(|name| reaches(declared, &resources, name));
    let Some(text) = params.get("scope") else {
        return Ok(Wanted { scope: reached, resources, narrowed: None });
    };
    let asked = Scope::parse(text).filter(|name| !is_standard(name));
    if let Some(scope) = declared.needs_resource(&resources, &asked.filter(|name| allowed.has(name))) {
        return Err(TargetFault::NeedsResource(scope.to_owned()).refusal());
    }
    let scope = asked.filter(|name| reached.has(name));
    if scope.is_empty() && !asked.is_empty() {
        const NONE: &str = "none of the requested scopes can be granted to this client";
        let cause = Cause::new(NONE).with("sent", text).with("allowed here", &reached);
        return Err(Refusal::new("invalid_scope", NONE).because(cause));
    }
    let narrowed = narrowed(text, &scope, &allowed, known);
    Ok(Wanted { scope, resources, narrowed })
}

/// The refusal of a client that cannot act for itself.
///
/// Spec: RFC 6749 §4.4
pub fn refused(cause: impl Into<Cause>) -> Refusal {
    const CONFIDENTIAL: &str = "this grant_type is for confidential clients";
    Refusal::new("unauthorized_client", CONFIDENTIAL).because(cause)
}

/// The requested resources. The client must be allowed a scope of each: no person has consented to a token for it.
///
/// Spec: RFC 8707 §2, §2.2
fn resources(params: &Params, declared: &Resources, allowed: &Scope) -> Result<Vec<String>, Refusal> {
    const NOT_ALLOWED: &str = "this client may not have a token for the requested resource";
    let requested = declared.resolve(params.all("resource")).map_err(TargetFault::refusal)?;
    let is_allowed =
        |uri: &String| allowed.names().any(|name| reaches(declared, std::slice::from_ref(uri), name));
    match requested.iter().find(|uri| !is_allowed(uri)) {
        None => Ok(requested),
        Some(uri) => {
            let cause = Cause::new(NOT_ALLOWED).with("resource", uri).with("allowed scopes", allowed);
            let cause =
                cause.mend("register a scope of the resource: countersign client update ID --scope SCOPES");
            Err(Refusal::new("invalid_target", NOT_ALLOWED).because(cause))
        }
    }
}

/// Tells whether a token for these resources can carry this scope; without any, a token for the default ones.
fn reaches(declared: &Resources, requested: &[String], name: &str) -> bool {
    let of = |uri: &String| declared.find(uri).is_some_and(|resource| resource.has(name));
    requested.iter().any(of)
        || requested.is_empty() && declared.needs_resource(&[], &Scope::parse(name)).is_none()
}

/// The part of the scope that is not granted.
///
/// Spec: RFC 6749 §3.3
fn narrowed(text: &str, granted: &Scope, allowed: &Scope, known: &Scope) -> Option<Cause> {
    let asked = Scope::parse(text);
    let left_out = |is: &dyn Fn(&str) -> bool| -> Vec<&str> {
        asked.names().filter(|name| !granted.has(name) && is(name)).collect()
    };
    let unknown = left_out(&|name| !known.has(name) && !is_standard(name));
    let unknown: Vec<&str> = Scope::unreadable(text).chain(unknown).collect();
    let not_allowed = left_out(&|name| known.has(name) && !is_standard(name) && !allowed.has(name));
    let reasons = [
        ("about a person, and none is involved", left_out(&is_standard)),
        ("not known here", unknown),
        ("not allowed to this client", not_allowed),
        ("not of the requested resource", left_out(&|name| allowed.has(name))),
    ];
    let reasons = reasons.each_ref().map(|(why, names)| (*why, names.as_slice()));
    let cause = less_granted("a part of the scope is not granted", text, granted, &reasons)?;
    Some(cause.mend("ask for scopes of the resource that are registered for the application"))
}
