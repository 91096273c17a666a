//! The registrations at the provider: the two sites and the terminal as clients, the API as a resource.

use serde_json::{Map, Value};

use super::api::{READ, TRANSFER};
use super::error::{DemoError, other};
use super::site::site_id::SiteId;
use super::terminal;
use crate::operations::Operation;
use crate::operations::clients;
use crate::protocol::client::{AuthMethod, Metadata, SigningAlg};
use crate::protocol::grant_type::{GrantType, GrantTypes};
use crate::protocol::redirect_uri::{ApplicationType, RedirectUri};
use crate::protocol::registration::{Amendment, Offered, Registration};
use crate::protocol::resource::Resource;
use crate::protocol::scope::Scope;
use crate::secret::TokenHash;
use crate::store;

/// The API as a resource of the provider.
pub(super) fn resource(origin: &str) -> Resource {
    Resource {
        uri: origin.into(),
        name: Some("Balances".into()),
        scopes: vec![READ.into(), TRANSFER.into()],
        claims: vec!["roles".into()],
        descriptions: [
            (READ.to_owned(), "See your balances".to_owned()),
            (format!("{READ}#de"), "Ihre Kontostände sehen".to_owned()),
            (TRANSFER.to_owned(), "Transfer money from your accounts".to_owned()),
            (format!("{TRANSFER}#de"), "Geld von Ihren Konten überweisen".to_owned()),
        ]
        .into(),
        ..Resource::default()
    }
}

/// Registers a site or updates its registration: its port may have changed since the last start.
pub(super) async fn ensure_site(
    op: &Operation<'_>,
    id: SiteId,
    origin: &str,
    secret: Option<&str>,
    offered: &Offered,
) -> Result<(), DemoError> {
    ensure(op, id.client_id(), metadata(id, origin)?, secret, offered).await
}

/// Registers the terminal: a public client, for devices only. People are asked for consent.
pub(super) async fn ensure_terminal(op: &Operation<'_>, offered: &Offered) -> Result<(), DemoError> {
    let metadata = Metadata {
        client_name: "Demo terminal".into(),
        application_type: ApplicationType::Native,
        grant_types: GrantTypes::of([GrantType::DeviceCode]),
        token_endpoint_auth_method: Some(AuthMethod::None),
        scope: Some(Scope::parse("openid profile")),
        ..Metadata::default()
    };
    metadata.check(true).map_err(other)?;
    ensure(op, terminal::CLIENT_ID, metadata, None, offered).await
}

async fn ensure(
    op: &Operation<'_>,
    id: &str,
    metadata: Metadata,
    secret: Option<&str>,
    offered: &Offered,
) -> Result<(), DemoError> {
    let Some(known) = store::clients::by_id(op.db, id).await? else {
        let (id, secret) = (Some(id.into()), secret.map(|secret| secret.to_owned().into()));
        let registration = Registration { id, secret, secret_lasts: None, metadata, ignored: vec![] };
        clients::register(op, registration).await.map_err(other)?;
        return Ok(());
    };
    let mut set = members(&metadata)?;
    // A member that the site no longer has is taken away.
    for member in members(&known.metadata)?.into_iter().map(|(name, _)| name) {
        set.entry(member).or_insert(Value::Null);
    }
    let is_new = |secret: &&str| {
        known.secrets.newest().is_none_or(|known| !known.hash.matches(&TokenHash::of(secret)))
    };
    if let Some(secret) = secret.filter(is_new) {
        set.insert("client_secret".into(), secret.into());
    }
    let amendment = Amendment { set, ..Amendment::default() };
    clients::change(op, id, &amendment, offered).await.map_err(other)?;
    Ok(())
}

/// Metadata under their registered names.
fn members(metadata: &Metadata) -> Result<Map<String, Value>, DemoError> {
    let json = serde_json::to_value(metadata).and_then(serde_json::from_value);
    json.map_err(other)
}

/// The sites differ in client authentication and signing algorithm, so that the demo shows two of each. The bank is a
/// public client: its refresh tokens are replaced by each use. The fund authenticates, and its refresh token stays the same.
fn metadata(id: SiteId, origin: &str) -> Result<Metadata, DemoError> {
    let uri = |path: &str| {
        RedirectUri::register(&format!("{origin}{path}"), ApplicationType::Web, true).map_err(other)
    };
    let metadata = Metadata {
        client_name: id.name().into(),
        client_uri: Some(format!("{origin}/")),
        initiate_login_uri: Some(format!("{origin}/login")),
        redirect_uris: vec![uri("/callback")?],
        post_logout_redirect_uris: vec![uri("/")?],
        grant_types: GrantTypes::of([GrantType::AuthorizationCode, GrantType::RefreshToken]),
        token_endpoint_auth_method: match id {
            SiteId::Bank => Some(AuthMethod::None),
            SiteId::Fund => Some(AuthMethod::ClientSecretPost),
        },
        id_token_signed_response_alg: match id {
            SiteId::Bank => SigningAlg::RS256.into(),
            SiteId::Fund => SigningAlg::ES256.into(),
        },
        scope: Some(Scope::parse("openid profile email balances.read")),
        first_party: true,
        ..Metadata::default()
    };
    metadata.check(true).map_err(other)?;
    Ok(metadata)
}
