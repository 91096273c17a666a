//! The only way out: what others registered is fetched under a guard, so that nobody can make the provider
//! ask something inside its own network.
//!
//! A name is looked up once for each connection, every address it has is checked, and the connection goes to
//! one of just these. An address in the URL is checked as the URL parser reads it, whatever its spelling.
//!
//! Spec: OpenID Connect Core §6.2, Client ID Metadata Document §6.5, RFC 6890

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration as Wait;

use ipnet::IpNet;
use moka::sync::Cache;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, StatusCode, redirect};
use time::{Duration, OffsetDateTime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::{Host, Url};

/// How long a connection may take to stand, once the name is looked up.
const CONNECT: Wait = Wait::from_secs(2);
/// How long a fetch may take in all, waiting for its turn included.
const TOTAL: Wait = Wait::from_secs(5);
/// How long looking a name up may take, waiting for its turn included.
const LOOK_UP: Wait = Wait::from_secs(2);
/// How many fetches go to one origin at a time.
const PER_ORIGIN: usize = 2;
/// How many names are looked up at a time: a name server that never answers holds a thread each.
const LOOKUPS: usize = 8;
/// How many of those for one owner: hanging name servers of one client hold up no other.
const PER_OWNER: usize = 1;
/// How long a fetch that failed is not tried again.
const FAILED: Duration = Duration::seconds(30);
/// How many failed fetches are remembered.
const FAILURES: u64 = 1000;
/// What others see of us.
const USER_AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));

tokio::task_local! {
    /// For whom the fetch is that this task makes: a resolver is told nothing but a name.
    static OWNER: String;
}

/// Looks a name up; blocks. The system's way is [`look_up`].
pub type Lookup = fn(&str) -> io::Result<Vec<IpAddr>>;

/// Asks the system's resolver.
pub fn look_up(name: &str) -> io::Result<Vec<IpAddr>> {
    Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

/// What may be reached beside the public network, over plain http as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Addresses.
    Network(IpNet),
    /// One service, wherever its name leads.
    Service(String, u16),
}

impl Allowed {
    /// Reads `10.0.0.0/8`, `10.1.2.3` or `intranet.example:8443`.
    pub fn parse(text: &str) -> Option<Allowed> {
        if let Ok(network) = text.parse() {
            return Some(Allowed::Network(network));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Allowed::Network(address.into()));
        }
        let (_, port) = text.rsplit_once(':')?;
        let port: u16 = port.parse().ok()?;
        let url = Url::parse(&format!("http://{text}/")).ok()?;
        let plain = url.path() == "/" && url.query().is_none() && url.username().is_empty();
        plain.then(|| Some(Allowed::Service(url.host_str()?.to_owned(), port)))?
    }
}

/// Certificate authorities that are trusted where the operator names them.
#[derive(Clone, Debug, Default)]
pub struct Authorities {
    pem: Option<Vec<u8>>,
    certificates: Vec<Certificate>,
}

impl Authorities {
    /// Reads a file of PEM certificates.
    pub fn read(file: &Path) -> Result<Authorities, String> {
        let pem = std::fs::read(file).map_err(|error| error.to_string())?;
        match Certificate::from_pem_bundle(&pem) {
            Ok(certificates) if certificates.is_empty() => Err("it holds no PEM certificate".into()),
            Ok(certificates) => Ok(Authorities { pem: Some(pem), certificates }),
            Err(error) => Err(whole(&error)),
        }
    }

    /// The certificates as they were written down, for who reads them in another way.
    pub fn pem(&self) -> Option<&[u8]> {
        self.pem.as_deref()
    }
}

/// What is said when nothing came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// It must not be asked for.
    #[error("{0}")]
    Refused(String),
    /// It was tried a moment ago and failed.
    #[error("it failed within the last 30 seconds and is not tried again yet")]
    FailedBefore,
    /// It was asked for and did not come, or not as it should.
    #[error("{0}")]
    Failed(String),
}

/// How far a connection may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// The public network, and what is allowed beside it.
    Public,
    /// Only what is allowed beside it: for plain http.
    Networks,
    /// Anywhere: the operator named this very service.
    Anywhere,
}

/// The way out.
pub struct Outbound {
    networks: Arc<[IpNet]>,
    services: Vec<(String, u16)>,
    /// One client for each reach, because a resolver is not told for which port it resolves.
    clients: [LazyLock<Client, Box<dyn FnOnce() -> Client + Send>>; 3],
    origins: Arc<Turns>,
    failed: Cache<String, OffsetDateTime>,
}

impl Outbound {
    /// Prepares the way out.
    pub fn new(allowed: &[Allowed], authorities: &Authorities, lookup: Lookup) -> Outbound {
        let networks: Arc<[IpNet]> = allowed.iter().filter_map(Allowed::network).collect();
        let services = allowed.iter().filter_map(Allowed::service).collect();
        let lookups = Lookups { all: Arc::new(Semaphore::new(LOOKUPS)), owners: Turns::new(PER_OWNER) };
        let clients = [Reach::Public, Reach::Networks, Reach::Anywhere].map(|reach| {
            let guard = Guard { reach, networks: Arc::clone(&networks), lookup, lookups: lookups.clone() };
            let authorities = authorities.certificates.clone();
            let make: Box<dyn FnOnce() -> Client + Send> = Box::new(move || client(guard, authorities));
            LazyLock::new(make)
        });
        let failed = Cache::builder().max_capacity(FAILURES).build();
        Outbound { networks, services, clients, origins: Turns::new(PER_ORIGIN), failed }
    }

    /// Fetches a document of at most `most` bytes. `owner` names the client that registered the address.
    pub async fn get(
        &self,
        owner: &str,
        address: &str,
        most: usize,
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, OutboundError> {
        let refused = |why: &str| OutboundError::Refused(format!("{address:?} is not fetched: {why}"));
        let url = Url::parse(address).map_err(|error| refused(&error.to_string()))?;
        let reach = self.reach(&url).map_err(refused)?;
        // A clock that was set back remembers no failure for longer.
        if self.failed.get(address).is_some_and(|until| until > now && until <= now + FAILED) {
            return Err(OutboundError::FailedBefore);
        }
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default());
        let origin = format!("{host}:{}", port.unwrap_or_default());
        let fetched = OWNER.scope(owner.to_owned(), async {
            let _turn = self.origins.turn(&origin).await;
            self.fetch(url, reach, most).await
        });
        let fetched = tokio::time::timeout(TOTAL, fetched).await;
        let fetched = fetched.unwrap_or_else(|_elapsed| Err("it took too long".into()));
        fetched.map_err(|why| {
            self.failed.insert(address.to_owned(), now + FAILED);
            OutboundError::Failed(format!("{address:?} could not be fetched: {why}"))
        })
    }

    /// How far this URL may reach, or why it may not at all.
    fn reach(&self, url: &Url) -> Result<Reach, &'static str> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it has a user name or a password");
        }
        let host = url.host_str().ok_or("it has no host")?;
        let port = url.port_or_known_default().ok_or("its scheme has no port")?;
        if self.services.iter().any(|(name, number)| name == host && *number == port) {
            return match url.scheme() {
                "http" | "https" => Ok(Reach::Anywhere),
                _ => Err("its scheme is not https"),
            };
        }
        let reach = match url.scheme() {
            "https" => Reach::Public,
            "http" if !self.networks.is_empty() => Reach::Networks,
            _ => return Err("its scheme is not https"),
        };
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            _ => None,
        };
        match literal {
            Some(address) if !reach.admits(address, &self.networks) => {
                Err("its address is not one of the public network, nor allowed by outbound_allow")
            }
            _ => Ok(reach),
        }
    }

    async fn fetch(&self, url: Url, reach: Reach, most: usize) -> Result<Vec<u8>, String> {
        let [public, networks, anywhere] = &self.clients;
        let client = match reach {
            Reach::Public => public,
            Reach::Networks => networks,
            Reach::Anywhere => anywhere,
        };
        let mut answer = client.get(url).send().await.map_err(|error| whole(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(format!(
                "the answer was {}, and redirects are not followed",
                answer.status().as_u16()
            ));
        }
        let mut body = vec![];
        while let Some(chunk) = answer.chunk().await.map_err(|error| whole(&error))? {
            if body.len() + chunk.len() > most {
                return Err(format!("it is larger than {most} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// Turns by name: of each name, so many at a time. A name that is not used takes no room.
struct Turns {
    most: usize,
    by_name: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A turn of a name, or the wait for one; given back when dropped.
struct Turn {
    turns: Arc<Turns>,
    name: String,
    /// Both are gone before the name is looked at: then the map alone holds what is not used.
    semaphore: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    fn new(most: usize) -> Arc<Turns> {
        Arc::new(Turns { most, by_name: Mutex::default() })
    }

    fn by_name(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn turn(self: &Arc<Turns>, name: &str) -> Turn {
        let new = || Arc::new(Semaphore::new(self.most));
        let semaphore = Arc::clone(self.by_name().entry(name.to_owned()).or_insert_with(new));
        let (turns, waited) = (Arc::clone(self), Arc::clone(&semaphore));
        let mut turn = Turn { turns, name: name.to_owned(), semaphore: Some(semaphore), permit: None };
        turn.permit = waited.acquire_owned().await.ok();
        turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        (self.permit, self.semaphore) = (None, None);
        let mut by_name = self.turns.by_name();
        if by_name.get(&self.name).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            by_name.remove(&self.name);
        }
    }
}

impl Allowed {
    fn network(&self) -> Option<IpNet> {
        match self {
            Allowed::Network(network) => Some(*network),
            Allowed::Service(..) => None,
        }
    }

    fn service(&self) -> Option<(String, u16)> {
        match self {
            Allowed::Network(_) => None,
            Allowed::Service(host, port) => Some((host.clone(), *port)),
        }
    }
}

impl Reach {
    fn admits(self, address: IpAddr, networks: &[IpNet]) -> bool {
        // `::ffff:10.0.0.1` is 10.0.0.1 to whoever connects to it.
        let address = address.to_canonical();
        let listed = networks.iter().any(|network| network.contains(&address));
        match self {
            Reach::Public => listed || is_public(address),
            Reach::Networks => listed,
            Reach::Anywhere => true,
        }
    }
}

/// Looks names up for one client, and gives out addresses only if every one of them may be reached: a name
/// with a public and a private address is somebody's trick.
struct Guard {
    reach: Reach,
    networks: Arc<[IpNet]>,
    lookup: Lookup,
    lookups: Lookups,
}

/// Turns of looking names up.
#[derive(Clone)]
struct Lookups {
    all: Arc<Semaphore>,
    owners: Arc<Turns>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, networks) = (self.reach, Arc::clone(&self.networks));
        let (lookup, Lookups { all, owners }) = (self.lookup, self.lookups.clone());
        let owner = OWNER.try_with(String::clone).unwrap_or_default();
        Box::pin(async move {
            let looked_up = tokio::time::timeout(LOOK_UP, async move {
                let own = owners.turn(&owner).await;
                let turn = all.acquire_owned().await?;
                // The thread keeps both turns even if its answer is not waited for any more.
                let found = tokio::task::spawn_blocking(move || {
                    let found = lookup(name.as_str());
                    drop((turn, own));
                    found
                });
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(found.await??)
            });
            let found =
                looked_up.await.map_err(|_elapsed| "looking its name up took longer than 2 seconds")??;
            if let Some(address) = found.iter().find(|address| !reach.admits(**address, &networks)) {
                let inside = format!("the name leads to {address}, which is not of the public network");
                return Err(inside.into());
            }
            if found.is_empty() {
                return Err("the name has no address".into());
            }
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

#[expect(clippy::expect_used, reason = "the certificates were read before, and nothing else here can fail")]
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
    client.build().expect("a client for what is fetched")
}

/// An error with everything beneath it; the address is said before.
fn whole(error: &reqwest::Error) -> String {
    let mut error: &dyn std::error::Error = error;
    let mut said = vec![];
    while let Some(beneath) = error.source() {
        said.push(beneath.to_string());
        error = beneath;
    }
    if said.is_empty() { "the connection failed".into() } else { said.join(": ") }
}

/// Tells whether an address belongs to the public network.
///
/// Spec: RFC 6890, and the IANA registries of special-purpose addresses
fn is_public(address: IpAddr) -> bool {
    let special: &[&str] = match address {
        IpAddr::V4(_) => &[
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
            "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
            "224.0.0.0/4", "240.0.0.0/4",
        ],
        // All that is outside 2000::/3 is special: loopback, NAT64, unique local, link-local, multicast.
        IpAddr::V6(_) => &[
            "::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48",
            "3fff::/20",
        ],
    };
    !special.iter().any(|network| network.parse::<IpNet>().is_ok_and(|network| network.contains(&address)))
}
