//! The registrations at the provider: the two sites as clients, the API as a resource.

use std::convert::Infallible;

use time::OffsetDateTime;

use super::api::{READ, TRANSFER};
use super::error::{DemoError, other};
use super::site::site_id::SiteId;
use crate::db::Db;
use crate::protocol::client::{AuthMethod, Client, Metadata, SigningAlg};
use crate::protocol::redirect_uri::{ApplicationType, RedirectUri};
use crate::protocol::resource::Resource;
use crate::protocol::scope::Scope;
use crate::secret::TokenHash;
use crate::store::clients::{self, Secret};
use crate::store::events::Actor;

/// The actor of what the demo sets up.
pub(super) const DEMO: Actor = Actor::System(Some("demo"));

/// The API as a resource of the provider.
pub(super) fn resource(origin: &str) -> Resource {
    Resource {
        uri: origin.into(),
        name: Some("Balances".into()),
        scopes: vec![READ.into(), TRANSFER.into()],
        default: false,
        claims: vec!["roles".into()],
        descriptions: [
            (READ.to_owned(), "See your balances".to_owned()),
            (format!("{READ}#de"), "Ihre Kontostände sehen".to_owned()),
            (TRANSFER.to_owned(), "Transfer money from your accounts".to_owned()),
            (format!("{TRANSFER}#de"), "Geld von Ihren Konten überweisen".to_owned()),
        ]
        .into(),
    }
}

/// Registers a site or updates its registration: its port may have changed since the last start.
pub(super) async fn ensure_client(
    db: &Db,
    id: SiteId,
    origin: &str,
    secret: &str,
    now: OffsetDateTime,
) -> Result<(), DemoError> {
    let metadata = metadata(id, origin)?;
    let hash = TokenHash::of(secret);
    match clients::by_id(db, id.client_id()).await? {
        None => {
            let client = Client {
                id: id.client_id().into(),
                secret: Some(hash),
                disabled: false,
                registered_at: now,
                metadata,
            };
            clients::add(db, &client, DEMO, now).await?;
        }
        Some(known) => {
            let text = |metadata: &Metadata| serde_json::to_value(metadata).map_err(other);
            let same_secret = known.secret.is_some_and(|known| known.matches(&hash));
            if !same_secret || text(&known.metadata)? != text(&metadata)? {
                let secret = if same_secret { Secret::Keep } else { Secret::Set(hash) };
                let edit = move |_: &Client| Ok::<_, Infallible>((metadata, secret));
                clients::edit(db, id.client_id(), edit, DEMO, now).await?;
            }
        }
    }
    Ok(())
}

/// The sites differ in client authentication and signing algorithm, so that the demo shows two of each.
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
        token_endpoint_auth_method: match id {
            SiteId::Bank => AuthMethod::ClientSecretBasic,
            SiteId::Fund => AuthMethod::ClientSecretPost,
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
