//! A check that fetches its keys itself: once for all callers, refreshed on use, kept through outages.

mod builder;
mod cache;
mod source;

use std::sync::Arc;
use std::time::SystemTime;

use time::OffsetDateTime;

use crate::check::{Candidate, Check};
use crate::claims::Claims;
use crate::refusal::Refusal;

pub use self::builder::{BuildError, VerifierBuilder};
pub use self::source::FetchError;

use self::cache::Cache;

/// Checks tokens of one issuer for one audience. Cheap to clone; make one and share it.
///
/// The key set is fetched when it is first needed, once for all callers that wait for it, and again on use
/// when the issuer's `Cache-Control` says so (within 60 s to 24 h), while the old set stays in use. A token
/// that names an unknown key causes at most one fetch in 30 s, for which no other token waits. When the
/// issuer cannot be reached, the known keys are used for another hour.
#[derive(Clone, Debug)]
pub struct Verifier {
    check: Check,
    cache: Arc<Cache>,
}

/// Why a token was not accepted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VerifyError {
    /// The token is at fault.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The token cannot be checked: there are no keys, for reasons that are not the caller's.
    #[error("tokens cannot be checked now: {0}")]
    KeysUnavailable(#[source] Arc<FetchError>),
}

impl VerifyError {
    /// Gives the HTTP status to answer with; without keys it is 503, for the token may be good.
    pub fn status(&self) -> u16 {
        match self {
            Self::Refused(refusal) => refusal.status(),
            Self::KeysUnavailable(_) => 503,
        }
    }

    /// Gives the value of the `WWW-Authenticate` header, when the token is at fault.
    pub fn www_authenticate(&self, resource_metadata: Option<&str>) -> Option<String> {
        match self {
            Self::Refused(refusal) => Some(refusal.www_authenticate(resource_metadata)),
            Self::KeysUnavailable(_) => None,
        }
    }
}

impl Verifier {
    /// Starts the builder of a verifier of access tokens; by default it finds the keys through the issuer's
    /// metadata.
    pub fn builder(issuer: impl Into<String>, audience: impl Into<String>) -> VerifierBuilder {
        VerifierBuilder::new(Check::access_token(issuer, audience))
    }

    /// Checks a token at the present instant.
    pub async fn verify(&self, token: &str) -> Result<Claims, VerifyError> {
        self.verify_at(token, now()).await
    }

    /// Checks a token at a given instant, at which the age of the key set is judged as well.
    pub async fn verify_at(&self, token: &str, now: OffsetDateTime) -> Result<Claims, VerifyError> {
        self.run(token, &self.check, now).await
    }

    /// Checks an ID token that must carry the nonce its login was started with.
    pub async fn verify_with_nonce(
        &self,
        token: &str,
        nonce: &str,
        now: OffsetDateTime,
    ) -> Result<Claims, VerifyError> {
        let check = Check { nonce: Some(nonce.to_owned()), ..self.check.clone() };
        self.run(token, &check, now).await
    }

    /// Fetches the keys if there are none yet, so that a wrong address is reported at start and not at the
    /// first request.
    pub async fn warm_up(&self) -> Result<(), Arc<FetchError>> {
        self.cache.keys(now()).await.map(|_| ())
    }

    /// Returns the check that every token has to pass.
    pub fn check(&self) -> &Check {
        &self.check
    }

    async fn run(&self, token: &str, check: &Check, now: OffsetDateTime) -> Result<Claims, VerifyError> {
        // A token that is invalid in itself is refused before any fetch.
        let candidate = Candidate::read(token, check)?;
        let fits = candidate.claims.fit(check, now);
        let keys = self.cache.keys(now).await.map_err(VerifyError::KeysUnavailable)?;
        match candidate.signed_by(&keys) {
            Err(unknown @ Refusal::UnknownKey { .. }) => {
                // A token that would be refused even with its key causes no fetch.
                let kid = candidate.claims.kid.as_deref().filter(|_| fits.is_ok()).ok_or(unknown.clone())?;
                let newer = self.cache.keys_with(kid, now).await.ok_or(unknown)?;
                candidate.signed_by(&newer)?;
            }
            outcome => outcome?,
        }
        fits?;
        Ok(candidate.claims)
    }
}

/// Reads the machine's clock, which is the only difference between `verify` and `verify_at`.
#[expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the clock")]
fn now() -> OffsetDateTime {
    SystemTime::now().into()
}
