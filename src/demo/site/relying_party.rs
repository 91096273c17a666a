//! A site and all it is made of.

use std::sync::Arc;

use countersign_verifier::{TokenKind, Verifier};
use tokio::sync::OnceCell;

use super::metadata::Metadata;
use super::session::Sessions;
use super::site_id::SiteId;
use crate::app::App;
use crate::clock::Clock;
use crate::demo::error::{DemoError, other};
use crate::demo::pages::{self, Shell};
use crate::state::kv::Kv;

/// The settings of a site.
pub(in crate::demo) struct SiteSetup {
    pub(in crate::demo) id: SiteId,
    pub(in crate::demo) origin: String,
    pub(in crate::demo) other: String,
    pub(in crate::demo) api: String,
    /// The client secret; a public client has none.
    pub(in crate::demo) secret: Option<String>,
    pub(in crate::demo) app: Arc<App>,
    pub(in crate::demo) kv: Kv,
    pub(in crate::demo) http: reqwest::Client,
}

/// A running site.
pub(in crate::demo) struct Site {
    pub(super) id: SiteId,
    pub(super) origin: String,
    pub(super) other: String,
    pub(super) issuer: String,
    pub(super) api: String,
    pub(super) secret: Option<String>,
    pub(super) sessions: Sessions,
    pub(super) http: reqwest::Client,
    pub(super) id_tokens: Verifier,
    pub(super) api_tokens: Verifier,
    pub(super) metadata: OnceCell<Metadata>,
    pub(super) clock: Clock,
    /// The provider, whose keys sign tokens that must be refused. No real site could do that.
    pub(super) app: Arc<App>,
}

impl Site {
    pub(in crate::demo) fn new(setup: SiteSetup) -> Result<Site, DemoError> {
        let issuer = setup.app.config.issuer.clone();
        let id_tokens = Verifier::builder(&issuer, setup.id.client_id()).kind(TokenKind::IdToken);
        let api_tokens = Verifier::builder(&issuer, &setup.api);
        Ok(Site {
            id: setup.id,
            id_tokens: id_tokens.http_client(setup.http.clone()).build().map_err(other)?,
            api_tokens: api_tokens.http_client(setup.http.clone()).build().map_err(other)?,
            sessions: Sessions::new(setup.kv, setup.id.cookie()),
            clock: setup.app.clock.clone(),
            origin: setup.origin,
            other: setup.other,
            api: setup.api,
            secret: setup.secret,
            http: setup.http,
            metadata: OnceCell::new(),
            app: setup.app,
            issuer,
        })
    }

    /// The data for the layout of every page.
    pub(super) fn shell(&self) -> Shell {
        Shell {
            id: self.id,
            other: self.other.clone(),
            provider: self.issuer.clone(),
            style: pages::style_href(),
        }
    }

    /// Tells whether its refresh tokens are replaced by their use, as those of a public client are.
    pub(super) fn rotates(&self) -> bool {
        self.secret.is_none()
    }

    pub(super) fn callback(&self) -> String {
        format!("{}/callback", self.origin)
    }

    pub(super) fn host(&self) -> &str {
        self.origin.strip_prefix("http://").unwrap_or(&self.origin)
    }
}
