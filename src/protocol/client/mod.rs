//! A registered Relying Party.

pub mod auth; // client authentication: the presented credentials, verified for a client
pub mod assertion; // a signed statement of a client that it is that client
mod fault; // why metadata is refused
mod jwks; // its public keys
mod metadata; // what was registered
mod method; // how it authenticates
mod requirements; // what each method needs
mod secret; // common mistakes that turn a right secret into a wrong one
mod secrets; // those of one client
mod sector; // clients that know people by the same names

pub use fault::{MetadataFault, Problem};
pub use jwks::{JwkSet, JwkSetFault};
pub use metadata::{Metadata, check_id};
pub use method::{AssertionAudience, AuthMethod};
pub use secrets::{ClientSecret, LastUse, Secrets};
pub use sector::SectorDocument;

use time::OffsetDateTime;
use url::Url;

use crate::protocol::redirect_uri::{ApplicationType, RedirectUri};
use crate::protocol::scope::Scope;
pub use crate::protocol::signing_alg::{ClientAlg, NamedAlg, SigningAlg};

/// An application that people sign in to.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// Its secrets.
    pub secrets: Secrets,
    /// A disabled client is treated as unknown.
    pub disabled: bool,
    /// When it was registered. A later registration under the same identifier is another client.
    pub registered_at: OffsetDateTime,
    /// What was registered.
    pub metadata: Metadata,
}

impl Client {
    /// Tells whether the client is public: it has no credential.
    pub fn is_public(&self) -> bool {
        self.metadata.is_public()
    }

    /// Tells whether a code for this client must be bound to a PKCE challenge.
    pub fn needs_pkce(&self) -> bool {
        self.is_public() || self.metadata.require_pkce.unwrap_or(true)
    }

    /// The scopes this client may be granted.
    pub fn allowed_scopes(&self) -> Scope {
        self.metadata.scope.clone().unwrap_or_else(Scope::standard)
    }

    /// Tells whether scripts of this origin may read the answers for this client.
    pub fn allows_origin(&self, origin: &str) -> bool {
        match &self.metadata.allowed_cors_origins {
            Some(origins) => origins.iter().any(|allowed| allowed == origin),
            // A site on plain http exists in development mode only. The loopback address of a native
            // application is no site.
            None => self.metadata.redirect_uris.iter().filter_map(|uri| Url::parse(uri.as_str()).ok()).any(
                |url| {
                    let is_site = match url.scheme() {
                        "https" => true,
                        "http" => self.metadata.application_type == ApplicationType::Web,
                        _ => false,
                    };
                    is_site && url.origin().ascii_serialization() == origin
                },
            ),
        }
    }

    /// The host under which people know the application.
    pub fn host(&self) -> Option<String> {
        let known = self.metadata.client_uri.as_deref().or(self
            .metadata
            .redirect_uris
            .first()
            .map(RedirectUri::as_str));
        Url::parse(known?).ok()?.host_str().map(str::to_owned)
    }

    /// The address at which a person can start again, with the name of the application in the language of a
    /// page; none if no address is registered.
    pub fn way_back(&self, lang: &str) -> Option<(String, String)> {
        let address =
            self.metadata.initiate_login_uri.as_deref().or_else(|| self.metadata.client_uri_in(lang));
        address.map(|address| (self.metadata.name_in(lang).to_owned(), address.to_owned()))
    }
}
