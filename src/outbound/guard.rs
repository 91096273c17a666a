//! The guard: a resolver that checks every address of a name before one of them is connected to.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::permits::KeyedPermits;
use super::reach::Reach;

/// How long resolving a name may take, waiting for a permit included.
pub(super) const LOOK_UP: Duration = Duration::from_secs(2);
/// How many names are resolved at a time: a name server that never answers blocks a thread each.
const LOOKUPS: usize = 8;
/// How many of those for one owner, so that slow name servers of one client delay no other.
const PER_OWNER: usize = 1;

tokio::task_local! {
    /// The client that a fetch is made for: the interface of resolvers passes nothing but a name.
    pub(super) static OWNER: String;
}

/// Resolves a name; blocks. [`look_up`] asks the system.
pub type Lookup = fn(&str) -> io::Result<Vec<IpAddr>>;

/// Asks the system's resolver.
pub fn look_up(name: &str) -> io::Result<Vec<IpAddr>> {
    Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

/// The limits on resolving.
#[derive(Clone)]
pub(super) struct Lookups {
    all: Arc<Semaphore>,
    owners: Arc<KeyedPermits>,
}

impl Lookups {
    pub(super) fn new() -> Lookups {
        Lookups { all: Arc::new(Semaphore::new(LOOKUPS)), owners: KeyedPermits::new(PER_OWNER) }
    }
}

/// Resolves names for one client. A name is refused if any of its addresses is out of reach: a public and a private
/// address together are a sign of DNS rebinding.
pub(super) struct Guard {
    pub(super) reach: Reach,
    pub(super) networks: Arc<[IpNet]>,
    pub(super) lookup: Lookup,
    pub(super) lookups: Lookups,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, networks) = (self.reach, Arc::clone(&self.networks));
        let (lookup, Lookups { all, owners }) = (self.lookup, self.lookups.clone());
        let owner = OWNER.try_with(String::clone).unwrap_or_default();
        Box::pin(async move {
            let resolved = tokio::time::timeout(LOOK_UP, async move {
                let own = owners.acquire(&owner).await;
                let permit = all.acquire_owned().await?;
                // The thread holds both permits, also when its result is not awaited any more.
                let found = tokio::task::spawn_blocking(move || {
                    let found = lookup(name.as_str());
                    drop((permit, own));
                    found
                });
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(found.await??)
            });
            let found =
                resolved.await.map_err(|_elapsed| "looking its name up took longer than 2 seconds")??;
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
