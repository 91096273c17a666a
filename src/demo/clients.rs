//! The two sites as the provider knows them.

use std::convert::Infallible;

use time::OffsetDateTime;

use super::site::Kind;
use super::{DEMO, DemoError, other};
use crate::db::Db;
use crate::protocol::client::{AuthMethod, Client, Metadata, SigningAlg};
use crate::protocol::redirect_uri::{ApplicationType, RedirectUri};
use crate::protocol::scope::Scope;
use crate::secret::TokenHash;
use crate::store::clients::{self, Secret};

/// Registers a site, or brings its registration up to date: its port may have changed since the last start.
pub(super) async fn ensure(
    db: &Db,
    kind: Kind,
    origin: &str,
    secret: &str,
    now: OffsetDateTime,
) -> Result<(), DemoError> {
    let metadata = metadata(kind, origin)?;
    let hash = TokenHash::of(secret);
    match clients::by_id(db, kind.client_id()).await? {
        None => {
            let client = Client {
                id: kind.client_id().into(),
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
                clients::edit(db, kind.client_id(), edit, DEMO, now).await?;
            }
        }
    }
    Ok(())
}

/// Two ways of authenticating and two algorithms, so that the demo shows both.
fn metadata(kind: Kind, origin: &str) -> Result<Metadata, DemoError> {
    let uri = |path: &str| {
        RedirectUri::register(&format!("{origin}{path}"), ApplicationType::Web, true).map_err(other)
    };
    let metadata = Metadata {
        client_name: kind.name().into(),
        client_uri: Some(format!("{origin}/")),
        initiate_login_uri: Some(format!("{origin}/login")),
        redirect_uris: vec![uri("/callback")?],
        post_logout_redirect_uris: vec![uri("/")?],
        token_endpoint_auth_method: match kind {
            Kind::Bank => AuthMethod::ClientSecretBasic,
            Kind::Fund => AuthMethod::ClientSecretPost,
        },
        id_token_signed_response_alg: match kind {
            Kind::Bank => SigningAlg::RS256.into(),
            Kind::Fund => SigningAlg::ES256.into(),
        },
        scope: Some(Scope::parse("openid profile email balances.read")),
        first_party: true,
        ..Metadata::default()
    };
    metadata.check(true).map_err(other)?;
    Ok(metadata)
}
