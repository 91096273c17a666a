//! Client metadata: the registered members, and their checks.

use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use super::fault::{MetadataFault, Problem};
use super::jwks::JwkSet;
use super::method::{AssertionAudience, AuthMethod};
use crate::protocol::grant_type::{GrantType, GrantTypes};
use crate::protocol::localized::Localized;
use crate::protocol::names::{check_shown, clean};
use crate::protocol::redirect_uri::{ApplicationType, RedirectUri};
use crate::protocol::scope::Scope;
use crate::protocol::signing_alg::{ClientAlg, NamedAlg};
use crate::protocol::subject::SubjectType;

/// Client metadata under its registered names, as stored.
///
/// Spec: RFC 7591 §2, OpenID Connect Registration §2
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// The name under which people know the application.
    #[serde(deserialize_with = "cleaned")]
    pub client_name: String,
    /// The application's home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Its logo: the provider fetches it and serves it to people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// The page with its privacy policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// The page with its terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// The address at which a sign-in at the application begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    /// `web` or `native`.
    pub application_type: ApplicationType,
    /// The addresses to which people may be redirected with a code.
    pub redirect_uris: Vec<RedirectUri>,
    /// The addresses to which people may be redirected after signing out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// The ways in which it may get tokens.
    pub grant_types: GrantTypes,
    /// How the client authenticates; absent for a client that may send its secret either way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<AuthMethod>,
    /// The only algorithm of its assertions; any that is offered when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<ClientAlg>,
    /// Its public keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<JwkSet>,
    /// The address at which it publishes its public keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// What may stand as the audience of its assertions; the issuer alone when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertion_audience: Option<AssertionAudience>,
    /// The algorithm that signs its ID Tokens.
    pub id_token_signed_response_alg: ClientAlg,
    /// The algorithm that signs its UserInfo answers; they are plain JSON when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<NamedAlg>,
    /// The kind of `sub` by which it knows people.
    #[serde(skip_serializing_if = "SubjectType::is_default")]
    pub subject_type: SubjectType,
    /// The document with the redirect URIs of all clients of its sector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    /// The scopes it may ask for; the standard ones when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// `max_age` (seconds) for requests that have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u32>,
    /// Whether it relies on `auth_time`, which every ID Token has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_auth_time: Option<bool>,
    /// The voluntary levels of requests that ask for none, in order of preference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    /// Whether a code needs PKCE; a public client always does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_pkce: Option<bool>,
    /// The origins whose scripts may read the answers; those of the https redirect URIs when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_cors_origins: Option<Vec<String>>,
    /// An application of the operator's own: people are not asked for consent.
    pub first_party: bool,
    /// How long its access tokens live, in seconds, where the operator says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_ttl: Option<u32>,
    /// The same of its ID Tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_ttl: Option<u32>,
    /// Names and pages in further languages.
    #[serde(flatten)]
    pub localized: Localized,
}

/// Reads a name without invisible characters, at registration and from a store, which may hold names from
/// before this rule.
fn cleaned<'de, D: Deserializer<'de>>(name: D) -> Result<String, D::Error> {
    let mut name = String::deserialize(name)?;
    clean("client_name", &mut name);
    Ok(name)
}

/// The longest `client_id`, in bytes.
const LONGEST_ID: usize = 255;

/// Checks an identifier that an operator chose. Clients of other providers have ids such as `urn:app:one`,
/// `my.app` or `https://sp.example/app`. Generated ids use fewer characters.
///
/// Spec: RFC 6749 §A.1
pub fn check_id(id: &str) -> Result<(), MetadataFault> {
    if (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    let expected = "1 to 255 printable ASCII characters without spaces";
    Err(MetadataFault::new("client_id", Problem::Malformed(id.to_owned(), expected)))
}

impl Metadata {
    /// Checks what the types do not ensure; `development` allows http on loopback hosts.
    pub fn check(&self, development: bool) -> Result<(), MetadataFault> {
        let refuse = |member: &str, problem| Err(MetadataFault::new(member, problem));
        let localized = || self.localized.iter();
        let names = localized().filter(|(name, ..)| *name == "client_name").map(|(.., text)| text);
        for name in [self.client_name.as_str()].into_iter().chain(names) {
            if name.trim().is_empty() || name.chars().count() > 120 {
                return refuse("client_name", Problem::Length("1 to 120 characters"));
            }
            let hidden = |character| MetadataFault::new("client_name", Problem::Hidden(character));
            check_shown(name).map_err(hidden)?;
        }
        if self.grant_types.is_empty() {
            return refuse("grant_types", Problem::Expected("a list of at least one grant type", None));
        }
        if self.redirect_uris.is_empty() && self.grant_types.has(GrantType::AuthorizationCode) {
            return refuse("redirect_uris", Problem::Missing);
        }
        self.check_public()?;
        let lists = [
            ("redirect_uris", &self.redirect_uris),
            ("post_logout_redirect_uris", &self.post_logout_redirect_uris),
        ];
        for (name, uri) in lists.into_iter().flat_map(|(name, uris)| uris.iter().map(move |uri| (name, uri)))
        {
            RedirectUri::register(uri.as_str(), self.application_type, development)
                .map_err(|fault| MetadataFault::new(name, Problem::RedirectUri(uri.to_string(), fault)))?;
        }
        let pages = [
            ("client_uri", &self.client_uri),
            ("logo_uri", &self.logo_uri),
            ("policy_uri", &self.policy_uri),
            ("tos_uri", &self.tos_uri),
            ("initiate_login_uri", &self.initiate_login_uri),
            ("sector_identifier_uri", &self.sector_identifier_uri),
        ];
        let pages = pages.into_iter().filter_map(|(name, uri)| Some((name, uri.as_deref()?)));
        let further = localized().filter(|(name, ..)| *name != "client_name");
        for (name, uri) in pages.chain(further.map(|(name, _, uri)| (name, uri))) {
            if RedirectUri::register(uri, ApplicationType::Web, development).is_err() {
                return refuse(name, Problem::Malformed(uri.to_owned(), "an https address"));
            }
        }
        self.check_sector()?;
        self.check_method(development)?;
        if self.default_acr_values.iter().any(|acr| acr.is_empty() || acr.contains(char::is_whitespace)) {
            return refuse("default_acr_values", Problem::Expected("levels without spaces", None));
        }
        for origin in self.allowed_cors_origins.iter().flatten() {
            if Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == *origin) {
                continue;
            }
            return refuse("allowed_cors_origins", Problem::NoOrigin(origin.clone()));
        }
        Ok(())
    }

    /// Checks what a public client cannot do, because it has no credentials.
    ///
    /// Spec: RFC 6749 §4.4; OAuth 2.1 §7.5.1
    fn check_public(&self) -> Result<(), MetadataFault> {
        if !self.is_public() {
            return Ok(());
        }
        if self.require_pkce == Some(false) {
            return Err(MetadataFault::new("require_pkce", Problem::PublicWithoutPkce));
        }
        if self.grant_types.has(GrantType::ClientCredentials) {
            return Err(MetadataFault::new("grant_types", Problem::PublicWithCredentials));
        }
        Ok(())
    }
}

impl Metadata {
    /// The name of the application in the language of a page.
    pub fn name_in(&self, lang: &str) -> &str {
        self.localized.get("client_name", lang).unwrap_or(&self.client_name)
    }

    /// The application's home page in that language.
    pub fn client_uri_in(&self, lang: &str) -> Option<&str> {
        self.localized.get("client_uri", lang).or(self.client_uri.as_deref())
    }

    /// The page with its privacy policy in that language.
    pub fn policy_uri_in(&self, lang: &str) -> Option<&str> {
        self.localized.get("policy_uri", lang).or(self.policy_uri.as_deref())
    }

    /// The page with its terms in that language.
    pub fn tos_uri_in(&self, lang: &str) -> Option<&str> {
        self.localized.get("tos_uri", lang).or(self.tos_uri.as_deref())
    }
}
