//! The fetch of the keys: one or two GETs, each short, bounded and without redirects.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration as StdDuration;

use reqwest::header::{ACCEPT, AGE, CACHE_CONTROL, HeaderMap};
use reqwest::{Client, StatusCode, Url};
use serde_json::Value;
use time::Duration;

use crate::json;
use crate::key_set::{KeySet, KeySetError};

/// The maximum length of an answer, in bytes.
const LONGEST: usize = 64 * 1024;
const TOTAL: StdDuration = StdDuration::from_secs(5);
const CONNECT: StdDuration = StdDuration::from_secs(2);

/// Why the keys cannot be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The request failed on the way.
    #[error("the request failed: {}", causes(.0))]
    Http(#[from] reqwest::Error),
    /// The answer was not 200.
    #[error("{url} answered {status}")]
    Status {
        /// The address asked.
        url: String,
        /// What it answered.
        status: u16,
    },
    /// The client followed a redirect.
    #[error("{0} redirects elsewhere, which is not followed")]
    Redirected(String),
    /// The answer is longer than 64 KiB.
    #[error("{0} answered with more than 64 KiB")]
    TooLong(String),
    /// The metadata is not usable.
    #[error("{0} is not the metadata of an issuer: no object with issuer and jwks_uri")]
    NotMetadata(String),
    /// The metadata names another issuer.
    #[error("the metadata is that of issuer {found:?}, not of {expected:?}")]
    OtherIssuer {
        /// The issuer in the metadata.
        found: String,
        /// The expected issuer.
        expected: String,
    },
    /// The metadata of an https issuer leads to plain HTTP.
    #[error("the metadata names {0}, which is not https")]
    Insecure(String),
    /// The answer is not a key set.
    #[error(transparent)]
    KeySet(#[from] KeySetError),
    /// The key set has no usable key.
    #[error("the key set has no key that this verifier can use")]
    NoUsableKey,
    /// The fetch was cut off when its runtime ended.
    #[error("the request was cut off")]
    CutOff,
}

/// Fetched keys and how long they are fresh.
pub(super) struct Fetched {
    pub(super) keys: KeySet,
    pub(super) fresh: Duration,
}

/// The address of the keys, or of the metadata that names it.
#[derive(Debug)]
pub(super) struct Source {
    http: Client,
    url: Url,
    /// Set when `url` is that of the metadata.
    issuer: Option<String>,
}

impl Source {
    pub(super) fn jwks(http: Client, url: Url) -> Self {
        Self { http, url, issuer: None }
    }

    pub(super) fn discovery(http: Client, url: Url, issuer: String) -> Self {
        Self { http, url, issuer: Some(issuer) }
    }

    pub(super) async fn fetch(&self) -> Result<Fetched, FetchError> {
        let (body, fresh) = match &self.issuer {
            None => self.get(&self.url).await?,
            Some(issuer) => {
                let (metadata, _) = self.get(&self.url).await?;
                self.get(&self.jwks_uri(&metadata, issuer)?).await?
            }
        };
        let keys = KeySet::from_json(&body)?;
        // An issuer always has a key. A set without usable keys is a mistake, and known keys stay in use.
        if keys.is_empty() { Err(FetchError::NoUsableKey) } else { Ok(Fetched { keys, fresh }) }
    }

    /// Spec: OpenID Connect Discovery §4.3
    fn jwks_uri(&self, metadata: &[u8], expected: &str) -> Result<Url, FetchError> {
        let unusable = || FetchError::NotMetadata(self.url.to_string());
        let metadata = json::object(metadata).ok().ok_or_else(unusable)?;
        let member = |name| metadata.get(name).and_then(Value::as_str).ok_or_else(unusable);
        let found = member("issuer")?;
        if found != expected {
            return Err(FetchError::OtherIssuer { found: found.to_owned(), expected: expected.to_owned() });
        }
        let url = Url::parse(member("jwks_uri")?).ok().ok_or_else(unusable)?;
        let as_safe = url.scheme() == "https" || url.scheme() == "http" && self.url.scheme() == "http";
        if as_safe { Ok(url) } else { Err(FetchError::Insecure(url.to_string())) }
    }

    async fn get(&self, url: &Url) -> Result<(Vec<u8>, Duration), FetchError> {
        let request = self.http.get(url.clone()).timeout(TOTAL);
        let mut response =
            request.header(ACCEPT, "application/jwk-set+json, application/json").send().await?;
        if response.url() != url || response.status().is_redirection() {
            return Err(FetchError::Redirected(url.to_string()));
        }
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status { url: url.to_string(), status: response.status().as_u16() });
        }
        let fresh = freshness(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LONGEST {
                return Err(FetchError::TooLong(url.to_string()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((body, fresh))
    }
}

/// Makes the HTTP client for services without one of their own. A proxy of the environment is not used for
/// this machine.
pub(super) fn client(local: bool) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .user_agent(concat!("countersign-verifier/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        // Requests are minutes apart: an idle connection would be useless or closed.
        .pool_max_idle_per_host(0);
    if local { builder.no_proxy() } else { builder }.build()
}

pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Reads how long an answer is fresh: `max-age` less its age, within 60 s and 24 h; 10 minutes without
/// either.
///
/// Spec: RFC 9111 §4.2
fn freshness(headers: &HeaderMap) -> Duration {
    let directives = headers.get_all(CACHE_CONTROL).into_iter().filter_map(|value| value.to_str().ok());
    let directives: Vec<_> =
        directives.flat_map(|value| value.split(',')).map(|word| word.trim().to_ascii_lowercase()).collect();
    let max_age =
        directives.iter().find_map(|word| word.strip_prefix("max-age=")?.trim_matches('"').parse().ok());
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok()).unwrap_or(0_u32);
    let uncacheable = directives.iter().any(|word| word == "no-store" || word == "no-cache");
    let seconds = if uncacheable { 0 } else { max_age.unwrap_or(600_u32).saturating_sub(age) };
    Duration::seconds(i64::from(seconds)).clamp(Duration::MINUTE, Duration::DAY)
}

/// Joins the causes of an error: the outermost one says only that something failed.
fn causes(error: &reqwest::Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        sentence.extend([": ", &error.to_string()]);
        cause = error.source();
    }
    sentence
}
