//! The settings of a verifier; all but issuer and audience have defaults.

use std::sync::Arc;

use reqwest::Url;
use time::Duration;

use super::Verifier;
use super::cache::{Cache, Patience};
use super::source::{self, Source};
use crate::check::{BoundTokens, Check, TokenKind};
use crate::key_set::Algorithm;

/// Collects the settings of a [`Verifier`].
#[derive(Debug)]
pub struct VerifierBuilder {
    check: Check,
    jwks_url: Option<String>,
    http: Option<reqwest::Client>,
    allow_http: bool,
    patience: Patience,
}

/// Why a verifier cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// An address is not a URL.
    #[error("{0} is not a URL")]
    NotAUrl(String),
    /// Keys would come over plain HTTP from another machine.
    #[error("{0} is not https: keys could be exchanged on the way")]
    Insecure(String),
    /// No algorithm is allowed, so no token could ever pass.
    #[error("the list of algorithms is empty")]
    NoAlgorithm,
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Http(#[from] reqwest::Error),
}

impl VerifierBuilder {
    pub(super) fn new(check: Check) -> Self {
        Self { check, jwks_url: None, http: None, allow_http: false, patience: Patience::default() }
    }

    /// Fetches the keys from here instead of asking the issuer's metadata where they are.
    #[must_use]
    pub fn jwks_url(mut self, url: impl Into<String>) -> Self {
        self.jwks_url = Some(url.into());
        self
    }

    /// Uses this client, for trust anchors of one's own or a proxy. An answer that it got by following a
    /// redirect is refused.
    #[must_use]
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }

    /// Permits plain HTTP to other machines, for networks that are private by other means. To this machine it
    /// is always permitted.
    #[must_use]
    pub fn allow_http(mut self) -> Self {
        self.allow_http = true;
        self
    }

    /// Accepts these algorithms only.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.check.algorithms = algorithms.into_iter().collect();
        self
    }

    /// Sets how far `iat` and `nbf` may lie ahead; see [`Check::leeway`].
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.check.leeway = leeway;
        self
    }

    /// Accepts another kind of token.
    #[must_use]
    pub fn kind(mut self, kind: TokenKind) -> Self {
        self.check.kind = kind;
        self
    }

    /// Sets how tokens bound to a key are treated; see [`BoundTokens`].
    #[must_use]
    pub fn bound_tokens(mut self, bound_tokens: BoundTokens) -> Self {
        self.check.bound_tokens = bound_tokens;
        self
    }

    /// Sets the minimum time between two fetches for unknown keys, and after a failed refresh; 30 s by
    /// default.
    #[must_use]
    pub fn cooldown(mut self, cooldown: Duration) -> Self {
        self.patience.cooldown = cooldown;
        self
    }

    /// Sets how long stale keys are used while no newer ones can be fetched; an hour by default. A key that
    /// the issuer withdrew is trusted here for that long when the issuer is out of reach.
    #[must_use]
    pub fn stale_if_error(mut self, span: Duration) -> Self {
        self.patience.stale_if_error = span;
        self
    }

    /// Builds the verifier; nothing is fetched yet.
    pub fn build(self) -> Result<Verifier, BuildError> {
        if self.check.algorithms.is_empty() {
            return Err(BuildError::NoAlgorithm);
        }
        let base = self.check.issuer.strip_suffix('/').unwrap_or(&self.check.issuer);
        let metadata = || format!("{base}/.well-known/openid-configuration");
        let address = self.jwks_url.clone().unwrap_or_else(metadata);
        let Ok(url) = Url::parse(&address) else {
            return Err(BuildError::NotAUrl(address));
        };
        let local = source::is_loopback(&url);
        if url.scheme() != "https" && !(url.scheme() == "http" && (local || self.allow_http)) {
            return Err(BuildError::Insecure(address));
        }
        let http = match self.http {
            Some(client) => client,
            None => source::client(local)?,
        };
        let source = match self.jwks_url {
            Some(_) => Source::jwks(http, url),
            None => Source::discovery(http, url, self.check.issuer.clone()),
        };
        Ok(Verifier { cache: Arc::new(Cache::new(source, self.patience)), check: self.check })
    }
}
