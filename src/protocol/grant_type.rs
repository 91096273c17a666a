//! Grant types: the ways to tokens at the token endpoint.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;

/// Spec: RFC 8628 §3.4
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A grant type that a client can register.
///
/// Spec: RFC 7591 §2 (`grant_types`)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GrantType {
    /// A code of the authorization endpoint.
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// The code of a device, which a person allows in a browser elsewhere.
    ///
    /// Spec: RFC 8628 §3.4
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    /// A refresh token.
    #[serde(rename = "refresh_token")]
    RefreshToken,
    /// The client's own credentials: it acts for itself.
    #[serde(rename = "client_credentials")]
    ClientCredentials,
}

impl GrantType {
    /// Every grant type of this provider, by its registered name.
    pub const SUPPORTED: [(&str, GrantType); 4] = [
        ("authorization_code", GrantType::AuthorizationCode),
        ("refresh_token", GrantType::RefreshToken),
        ("client_credentials", GrantType::ClientCredentials),
        (DEVICE_CODE, GrantType::DeviceCode),
    ];

    /// The registered names of all of them.
    pub fn names() -> impl Iterator<Item = &'static str> {
        GrantType::SUPPORTED.into_iter().map(|(name, _)| name)
    }

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            GrantType::AuthorizationCode => "authorization_code",
            GrantType::DeviceCode => DEVICE_CODE,
            GrantType::RefreshToken => "refresh_token",
            GrantType::ClientCredentials => "client_credentials",
        }
    }

    /// The grant type of a request to the token endpoint, which the client must have registered.
    ///
    /// Spec: RFC 6749 §5.2
    pub fn read(params: &Params, client: &Client) -> Result<GrantType, Refusal> {
        const UNKNOWN: &str = "this grant_type is not supported";
        const NOT_REGISTERED: &str = "this grant_type is not registered for this client";
        let Some(sent) = params.get("grant_type") else {
            let cause = Cause::new("grant_type is missing").with("received", params.names());
            return Err(Refusal::new("invalid_request", "grant_type is missing").because(cause));
        };
        let Some(grant_type) = GrantType::from_name(sent) else {
            let supported = GrantType::names().collect::<Vec<_>>().join(" ");
            let cause = Cause::new(UNKNOWN).with("sent", sent).with("supported", supported);
            return Err(Refusal::new("unsupported_grant_type", UNKNOWN).because(cause));
        };
        grant_type.check(client, NOT_REGISTERED)?;
        Ok(grant_type)
    }

    /// Refuses a client that has not registered this grant type.
    ///
    /// Spec: RFC 6749 §5.2, §4.1.2.1
    pub fn check(self, client: &Client, description: &'static str) -> Result<(), Refusal> {
        let registered = &client.metadata.grant_types;
        if registered.has(self) {
            return Ok(());
        }
        let cause = Cause::new(description).with("needed", self.name()).with("registered", registered);
        let cause =
            cause.mend("register it beside the others: countersign client update ID --grant-type TYPE");
        Err(Refusal::new("unauthorized_client", description).because(cause))
    }

    /// Reads a registered name.
    pub fn from_name(name: &str) -> Option<GrantType> {
        GrantType::SUPPORTED.into_iter().find(|(known, _)| *known == name).map(|(_, grant_type)| grant_type)
    }
}

/// The grant types of one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantTypes(Vec<GrantType>);

impl Default for GrantTypes {
    /// Spec: RFC 7591 §2: a client that names none uses codes
    fn default() -> GrantTypes {
        GrantTypes(vec![GrantType::AuthorizationCode])
    }
}

impl GrantTypes {
    /// These grant types.
    pub fn of(grant_types: impl IntoIterator<Item = GrantType>) -> GrantTypes {
        GrantTypes(grant_types.into_iter().collect())
    }

    /// Tells whether this one is among them.
    pub fn has(&self, grant_type: GrantType) -> bool {
        self.0.contains(&grant_type)
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for GrantTypes {
    /// The registered names, with spaces between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(|grant_type| grant_type.name()).collect::<Vec<_>>().join(" "))
    }
}
