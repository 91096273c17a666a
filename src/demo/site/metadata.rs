//! The provider's metadata.

use serde::Deserialize;

/// The members of the provider's metadata that a site uses.
///
/// Spec: OpenID Connect Discovery §3
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) userinfo_endpoint: String,
    pub(super) end_session_endpoint: String,
    pub(super) jwks_uri: String,
}
