//! How a client authenticates.

use serde::{Deserialize, Serialize};

/// How a client authenticates at the endpoints that it calls itself.
///
/// Spec: OpenID Connect Core §9
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// The secret in an `Authorization: Basic` header.
    #[default]
    ClientSecretBasic,
    /// The secret in the form body.
    ClientSecretPost,
    /// An assertion with a MAC under the secret.
    ClientSecretJwt,
    /// An assertion that the client signed with a key of its own.
    PrivateKeyJwt,
    /// A public client: no secret, PKCE instead.
    None,
}

impl AuthMethod {
    /// The registered names of all methods offered.
    pub const SUPPORTED: [&str; 5] =
        ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            AuthMethod::ClientSecretBasic => "client_secret_basic",
            AuthMethod::ClientSecretPost => "client_secret_post",
            AuthMethod::ClientSecretJwt => "client_secret_jwt",
            AuthMethod::PrivateKeyJwt => "private_key_jwt",
            AuthMethod::None => "none",
        }
    }

    /// Tells whether the client sends an assertion.
    pub fn is_assertion(self) -> bool {
        matches!(self, AuthMethod::ClientSecretJwt | AuthMethod::PrivateKeyJwt)
    }
}

/// What may stand as the audience of a client's assertions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssertionAudience {
    /// The issuer alone.
    #[default]
    Issuer,
    /// The issuer, or the address of the token endpoint: for libraries that are older than the attack which this allows.
    IssuerOrTokenEndpoint,
}
