//! What has to be registered for each method of authentication, and what follows from it.

use super::fault::{MetadataFault, Problem};
use super::metadata::Metadata;
use super::method::AuthMethod;
use crate::protocol::redirect_uri::{ApplicationType, RedirectUri};
use crate::protocol::signing_alg::ClientAlg;

impl Metadata {
    /// Tells whether the client is public: it has no credential.
    pub fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == Some(AuthMethod::None)
    }

    /// Tells whether the client has a secret: to authenticate, or as the key of its ID Tokens.
    pub fn has_secret(&self) -> bool {
        !matches!(self.token_endpoint_auth_method, Some(AuthMethod::None | AuthMethod::PrivateKeyJwt))
            || self.needs_secret_back()
    }

    /// Tells whether the provider has to know the secret itself, and not only its hash: to verify or to make a MAC.
    pub fn needs_secret_back(&self) -> bool {
        self.token_endpoint_auth_method == Some(AuthMethod::ClientSecretJwt)
            || self.id_token_signed_response_alg == ClientAlg::HS256
    }

    /// How much the client's method proves, for comparison: a key that never leaves the client, a secret that never leaves
    /// it, a secret that is sent, nothing.
    pub fn strength(&self) -> u8 {
        match self.token_endpoint_auth_method {
            Some(AuthMethod::PrivateKeyJwt) => 3,
            Some(AuthMethod::ClientSecretJwt) => 2,
            None | Some(AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost) => 1,
            Some(AuthMethod::None) => 0,
        }
    }

    /// Checks what belongs to the method; `development` allows http on loopback hosts.
    ///
    /// Spec: RFC 7591 §2, OpenID Connect Registration §2
    pub(super) fn check_method(&self, development: bool) -> Result<(), MetadataFault> {
        let refuse = |member: &str, problem| Err(MetadataFault::new(member, problem));
        if self.is_public() && self.id_token_signed_response_alg == ClientAlg::HS256 {
            return refuse("id_token_signed_response_alg", Problem::NeedsSecret("HS256"));
        }
        if self.jwks.is_some() && self.jwks_uri.is_some() {
            return refuse("jwks_uri", Problem::Excludes("jwks"));
        }
        if let Some(uri) = &self.jwks_uri
            && RedirectUri::register(uri, ApplicationType::Web, development).is_err()
        {
            return refuse("jwks_uri", Problem::Malformed(uri.clone(), "an https address"));
        }
        let method = self.token_endpoint_auth_method;
        if method == Some(AuthMethod::PrivateKeyJwt) && self.jwks.is_none() && self.jwks_uri.is_none() {
            return refuse(
                "token_endpoint_auth_method",
                Problem::Needs("private_key_jwt", "jwks or jwks_uri"),
            );
        }
        let member = "token_endpoint_auth_signing_alg";
        match (method, self.token_endpoint_auth_signing_alg) {
            (_, None) | (Some(AuthMethod::ClientSecretJwt), Some(ClientAlg::HS256)) => Ok(()),
            (Some(AuthMethod::PrivateKeyJwt), Some(alg)) if alg != ClientAlg::HS256 => Ok(()),
            (Some(AuthMethod::ClientSecretJwt), Some(_)) => {
                refuse(member, Problem::Expected("\"HS256\" for client_secret_jwt", None))
            }
            (Some(AuthMethod::PrivateKeyJwt), Some(_)) => {
                refuse(member, Problem::Expected("an algorithm of public keys for private_key_jwt", None))
            }
            (_, Some(_)) => refuse(member, Problem::OnlyFor("client_secret_jwt and private_key_jwt")),
        }
    }
}
