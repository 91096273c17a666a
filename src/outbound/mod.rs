//! Outbound requests. Addresses that clients registered are fetched behind a guard, so that no client can make the
//! provider send requests into its own network (SSRF).
//!
//! A name is resolved once for each connection. Every address it has is checked, and the connection goes to one of
//! exactly these. An address in the URL is checked as the URL parser reads it, however it is spelled.
//!
//! Spec: OpenID Connect Core §6.2, Client ID Metadata Document §6.5, RFC 6890

mod allowed; // what may be reached beside the public network
mod authorities; // trusted certificate authorities
mod error; // why nothing was fetched
mod guard; // resolves names and checks their addresses
mod permits; // concurrency limits by key
mod reach; // which addresses a URL may lead to

use std::sync::{Arc, LazyLock};
use std::time::Duration as Wait;

use ipnet::IpNet;
use moka::sync::Cache;
use reqwest::header::{CACHE_CONTROL, HeaderMap};
use reqwest::{Certificate, Client, StatusCode, redirect};
use time::{Duration, OffsetDateTime};
use url::Url;

pub use allowed::Allowed;
pub use authorities::Authorities;
pub use error::OutboundError;
pub use guard::{Lookup, look_up};

use error::chain;
use guard::{Guard, LOOK_UP, Lookups, OWNER};
use permits::KeyedPermits;
use reach::Reach;

/// How long connecting may take once the name is resolved.
const CONNECT: Wait = Wait::from_secs(2);
/// How long a whole fetch may take, waiting for a permit included.
const TOTAL: Wait = Wait::from_secs(5);
/// How many fetches may go to one origin at a time.
const PER_ORIGIN: usize = 2;
/// How long an address is not fetched again after a failure.
const FAILED: Duration = Duration::seconds(30);
/// How many failed addresses are remembered.
const FAILURES: u64 = 1000;
const USER_AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));

/// A document that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its bytes.
    pub body: Vec<u8>,
    /// How long it may be kept, if its server says so.
    pub max_age: Option<Duration>,
}

type LazyClient = LazyLock<Client, Box<dyn FnOnce() -> Client + Send>>;

/// The client for outbound requests.
pub struct Outbound {
    networks: Arc<[IpNet]>,
    services: Vec<(String, u16)>,
    /// One client for each [`Reach`], because a resolver does not learn the port it resolves for.
    clients: [LazyClient; 3],
    origins: Arc<KeyedPermits>,
    failed: Cache<String, OffsetDateTime>,
}

impl Outbound {
    /// Prepares the clients; each is made when it is first needed.
    pub fn new(allowed: &[Allowed], authorities: &Authorities, lookup: Lookup) -> Outbound {
        let networks: Arc<[IpNet]> = allowed.iter().filter_map(Allowed::network).collect();
        let services = allowed.iter().filter_map(Allowed::service).collect();
        let lookups = Lookups::new();
        let clients = [Reach::Public, Reach::Networks, Reach::Anywhere].map(|reach| {
            let guard = Guard { reach, networks: Arc::clone(&networks), lookup, lookups: lookups.clone() };
            let authorities = authorities.certificates.clone();
            let make: Box<dyn FnOnce() -> Client + Send> = Box::new(move || client(guard, authorities));
            LazyLock::new(make)
        });
        let failed = Cache::builder().max_capacity(FAILURES).build();
        Outbound { networks, services, clients, origins: KeyedPermits::new(PER_ORIGIN), failed }
    }

    /// Fetches a document of at most `most` bytes. `owner` names the client that registered the address.
    ///
    /// Fails for an address that must not be fetched, within 30 seconds after a failure, and when the answer is not a
    /// 200 of that size within 5 seconds.
    pub async fn get(
        &self,
        owner: &str,
        address: &str,
        most: usize,
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, OutboundError> {
        self.document(owner, address, most, now).await.map(|document| document.body)
    }

    /// The same, with how long the document may be kept.
    pub async fn document(
        &self,
        owner: &str,
        address: &str,
        most: usize,
        now: OffsetDateTime,
    ) -> Result<Document, OutboundError> {
        let refused = |why: &str| OutboundError::Refused(format!("{address:?} is not fetched: {why}"));
        let url = Url::parse(address).map_err(|error| refused(&error.to_string()))?;
        let reach = Reach::of(&url, &self.networks, &self.services).map_err(refused)?;
        // The upper bound: a clock that was set back must not prolong the pause.
        if self.failed.get(address).is_some_and(|until| until > now && until <= now + FAILED) {
            return Err(OutboundError::FailedBefore);
        }
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default());
        let origin = format!("{host}:{}", port.unwrap_or_default());
        let fetched = OWNER.scope(owner.to_owned(), async {
            let _permit = self.origins.acquire(&origin).await;
            self.fetch(url, reach, most).await
        });
        let fetched = tokio::time::timeout(TOTAL, fetched).await;
        let fetched = fetched.unwrap_or_else(|_elapsed| Err("it took too long".into()));
        fetched.map_err(|why| {
            self.failed.insert(address.to_owned(), now + FAILED);
            OutboundError::Failed(format!("{address:?} could not be fetched: {why}"))
        })
    }

    async fn fetch(&self, url: Url, reach: Reach, most: usize) -> Result<Document, String> {
        let [public, networks, anywhere] = &self.clients;
        let client = match reach {
            Reach::Public => public,
            Reach::Networks => networks,
            Reach::Anywhere => anywhere,
        };
        let mut answer = client.get(url).send().await.map_err(|error| chain(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(format!(
                "the answer was {}, and redirects are not followed",
                answer.status().as_u16()
            ));
        }
        let max_age = max_age(answer.headers());
        let mut body = vec![];
        while let Some(chunk) = answer.chunk().await.map_err(|error| chain(&error))? {
            if body.len() + chunk.len() > most {
                return Err(format!("it is larger than {most} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Document { body, max_age })
    }
}

/// How long an answer may be kept by its `Cache-Control`.
///
/// Spec: RFC 9111 §5.2.2
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let directives: Vec<String> =
        values.flat_map(|value| value.split(',')).map(|one| one.trim().to_ascii_lowercase()).collect();
    if directives.iter().any(|one| one == "no-store" || one == "no-cache") {
        return Some(Duration::ZERO);
    }
    let seconds = directives.iter().find_map(|one| one.strip_prefix("max-age="))?;
    Some(Duration::seconds(seconds.trim_matches('"').parse().ok()?))
}

#[expect(clippy::expect_used, reason = "the certificates were parsed before, and nothing else here can fail")]
fn client(guard: Guard, authorities: Vec<Certificate>) -> Client {
    let client = Client::builder()
        .dns_resolver(Arc::new(guard))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .http1_only()
        .pool_max_idle_per_host(0)
        .connect_timeout(LOOK_UP + CONNECT)
        .timeout(TOTAL)
        .user_agent(USER_AGENT)
        .tls_certs_merge(authorities);
    client.build().expect("a client for outbound requests")
}
