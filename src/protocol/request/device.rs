//! The request of a device. Its parameters follow the rules of the authorization request.

use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::grant_type::GrantType;
use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;
use crate::protocol::request::{resource, scope};
use crate::protocol::resource::Resources;
use crate::protocol::scope::Scope;

/// Every parameter of the device authorization endpoint that a rule reads; all others are ignored, `nonce` too.
pub const PARAMS: [&str; 6] =
    ["client_id", "client_secret", "client_assertion", "client_assertion_type", "scope", "resource"];

/// The refusal of a client that is for no device.
const NOT_REGISTERED: &str = "this client has not registered the grant type of devices";

/// A valid request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The scopes that can be granted; unknown and not allowed ones are dropped.
    pub scope: Scope,
    /// The resources, by their declared identifiers.
    pub resources: Vec<String>,
    /// The requested parts that are not granted, for the developer of the client.
    pub narrowed: Vec<Cause>,
}

/// Reads the request of an authenticated client.
///
/// Spec: RFC 8628 §3.1
pub fn read(params: &Params, client: &Client, resources: &Resources) -> Result<Asked, Refusal> {
    GrantType::DeviceCode.check(client, NOT_REGISTERED)?;
    let scopes = scope::read(params, client, resources)?;
    let resources = resource::read(params, resources, &scopes.granted)?;
    let narrowed = [scopes.narrowed(params), scopes.without_openid(params, None)];
    let narrowed = narrowed.into_iter().flatten().collect();
    Ok(Asked { scope: scopes.granted, resources, narrowed })
}
