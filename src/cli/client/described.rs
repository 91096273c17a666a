//! The flags that describe an application, shared by `client add` and `client update`.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::{Map, Value};

use crate::cli::input;
use crate::protocol::client::AuthMethod;
use crate::protocol::grant_type::GrantType;
use crate::protocol::span;
use crate::protocol::subject::SubjectType;

/// The description of an application in flags.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Described {
    /// Without a secret, for applications that cannot keep one (the same as --auth-method none)
    #[arg(long)]
    public: bool,
    /// Runs on the person's own device: loopback http and private-use schemes may be redirected to
    #[arg(long)]
    native: bool,
    /// One of your own: people are not asked for consent
    #[arg(long)]
    first_party: bool,
    #[arg(
        long,
        value_name = "METHOD",
        value_parser = AuthMethod::SUPPORTED,
        help = "How the application proves who it is [default: client_secret_basic or client_secret_post, as it likes]"
    )]
    auth_method: Option<String>,
    #[arg(
        long = "grant-type",
        value_name = "TYPE",
        value_parser = PossibleValuesParser::new(GrantType::names()),
        help = "How it may get tokens; may be repeated [default: authorization_code]"
    )]
    grant_types: Vec<String>,
    /// The scopes it may ask for, separated by spaces [default: those of OpenID Connect]
    #[arg(long)]
    scope: Option<String>,
    /// Where people may be sent back to after signing out; may be repeated
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// The application's home page
    #[arg(long, value_name = "URI")]
    client_uri: Option<String>,
    /// Its logo (PNG, JPEG, GIF or WebP, up to 256 KiB): fetched once a day, shown on the pages about it
    #[arg(long, value_name = "URI")]
    logo_uri: Option<String>,
    /// What its ID tokens are signed with [default: RS256]
    #[arg(long, value_name = "ALG", value_parser = ["RS256", "ES256", "PS256", "EdDSA", "Ed25519", "HS256"])]
    id_token_alg: Option<String>,
    /// What its answers of UserInfo are signed with [default: nothing, they are plain JSON]
    #[arg(long, value_name = "ALG", value_parser = ["RS256", "ES256", "PS256", "EdDSA", "Ed25519"])]
    userinfo_alg: Option<String>,
    /// How it knows people: by the same sub as others, or by one that only its own sector has [default: public]
    #[arg(long, value_name = "TYPE", value_parser = SubjectType::SUPPORTED)]
    subject_type: Option<String>,
    /// The list of the redirect URIs of all applications of its sector, for pairwise subs (a JSON array)
    #[arg(long, value_name = "URI")]
    sector_identifier_uri: Option<String>,
    /// How long ago a person may have signed in, if a request does not say
    #[arg(long, value_name = "SECONDS")]
    default_max_age: Option<u32>,
    /// A level of signing in (acr) that it prefers, if a request names none; may be repeated
    #[arg(long = "default-acr-value", value_name = "ACR")]
    default_acr_values: Vec<String>,
    /// It relies on the time of the sign-in, which every ID token has
    #[arg(long)]
    require_auth_time: bool,
    #[arg(
        long,
        value_name = "FILE.json",
        conflicts_with = "jwks_uri",
        help = "A file with its public keys (a JWK set), for private_key_jwt"
    )]
    jwks: Option<PathBuf>,
    #[arg(long, value_name = "URI", help = "Where it publishes its public keys, for private_key_jwt")]
    jwks_uri: Option<String>,
    #[arg(
        long,
        value_name = "SPAN",
        value_parser = seconds,
        help = "How long its access tokens live, such as 5m [default: access_token under [lifetimes]]"
    )]
    access_token_ttl: Option<u32>,
    #[arg(
        long,
        value_name = "SPAN",
        value_parser = seconds,
        help = "How long its ID tokens live [default: id_token under [lifetimes]]"
    )]
    id_token_ttl: Option<u32>,
    /// Accept requests without PKCE, for libraries that have none; the application needs a secret then
    #[arg(long)]
    no_require_pkce: bool,
    #[arg(
        long,
        value_name = "FILE.json",
        help = "A file with client metadata under its registered names (RFC 7591), also client_id and \
                client_secret; what the other flags say wins"
    )]
    metadata: Option<PathBuf>,
}

/// Reads a span as seconds.
fn seconds(said: &str) -> Result<u32, &'static str> {
    let span = span::parse(said).and_then(|span| u32::try_from(span.whole_seconds()).ok());
    span.ok_or("must be a whole number with its unit, such as 90s, 5m or 1h")
}

impl Described {
    /// The metadata of the file, overridden by the flags.
    pub fn members(
        self,
        name: Option<String>,
        redirect_uris: Vec<String>,
    ) -> anyhow::Result<Map<String, Value>> {
        let mut members = match &self.metadata {
            Some(path) => input::object(path)?,
            None => Map::new(),
        };
        let auth_method = match (self.public, self.auth_method) {
            (true, Some(method)) if method != "none" => {
                bail!("--public and --auth-method {method} exclude each other")
            }
            (true, _) => Some("none".to_owned()),
            (false, method) => method,
        };
        let texts = [
            ("client_name", name),
            ("token_endpoint_auth_method", auth_method),
            ("scope", self.scope),
            ("client_uri", self.client_uri),
            ("logo_uri", self.logo_uri),
            ("id_token_signed_response_alg", self.id_token_alg),
            ("userinfo_signed_response_alg", self.userinfo_alg),
            ("subject_type", self.subject_type),
            ("sector_identifier_uri", self.sector_identifier_uri),
            ("jwks_uri", self.jwks_uri),
            ("application_type", self.native.then(|| "native".to_owned())),
        ];
        members
            .extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::from(text?)))));
        let lists = [
            ("redirect_uris", redirect_uris),
            ("post_logout_redirect_uris", self.post_logout_redirect_uris),
            ("grant_types", self.grant_types),
            ("default_acr_values", self.default_acr_values),
        ];
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        members.extend(lists.map(|(name, list)| (name.to_owned(), Value::from(list))));
        members.extend(self.default_max_age.map(|age| ("default_max_age".to_owned(), age.into())));
        if self.require_auth_time {
            members.insert("require_auth_time".into(), true.into());
        }
        if let Some(path) = &self.jwks {
            members.insert("jwks".into(), input::object(path)?.into());
        }
        let spans = [("access_token_ttl", self.access_token_ttl), ("id_token_ttl", self.id_token_ttl)];
        members.extend(spans.into_iter().filter_map(|(name, span)| Some((name.to_owned(), span?.into()))));
        if self.first_party {
            members.insert("first_party".into(), true.into());
        }
        if self.no_require_pkce {
            members.insert("require_pkce".into(), false.into());
        }
        Ok(members)
    }
}
