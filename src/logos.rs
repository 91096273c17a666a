//! Logos of clients: fetched by the provider, checked, stored and served from here, so that no page makes a
//! browser contact another host.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration as Wait;

use moka::sync::Cache;
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::db::{Db, DbError};
use crate::outbound::Outbound;
use crate::protocol::client::Client;
use crate::secret::{base32, sha256};
use crate::store::logos::{self, FRESH, Logo};

/// The maximum size of an image, in bytes.
const LARGEST: usize = 256 * 1024;
/// How long to wait after a failure.
const RETRY: Duration = Duration::hours(1);
/// How long a node caches what it read; also how often it checks whether a fetch is due.
const REMEMBERED: Wait = Wait::from_secs(5);
/// How long a node waits before it tries to claim the same logo again.
const CLAIM_EVERY: Wait = Wait::from_secs(60);
/// The maximum number of fetches at a time.
const FETCHES: usize = 8;
/// The maximum number of fetches from one host, so that a host that hangs delays no other.
const PER_HOST: usize = 2;
/// How many bytes of images are kept in memory.
const IN_MEMORY: u64 = 4 * 1024 * 1024;

/// The permitted image types, recognised by their first bytes. SVG is not one of them: it can contain script.
const KINDS: [(&str, &str); 4] =
    [("png", "image/png"), ("jpg", "image/jpeg"), ("gif", "image/gif"), ("webp", "image/webp")];

/// All logos; a cheap handle.
#[derive(Clone)]
pub struct Logos {
    db: Db,
    outbound: Arc<Outbound>,
    known: Cache<String, Option<Logo>>,
    claims: Cache<String, ()>,
    images: Cache<String, bytes::Bytes>,
    fetching: Fetching,
}

/// The hosts of the running fetches, one entry for each fetch.
#[derive(Clone, Default)]
struct Fetching(Arc<Mutex<Vec<String>>>);

/// The permit for one fetch, given back when dropped.
struct Permit {
    fetching: Fetching,
    host: String,
}

impl Logos {
    /// Creates the caches.
    pub fn new(db: Db, outbound: Arc<Outbound>) -> Logos {
        let weight = |_: &String, image: &bytes::Bytes| u32::try_from(image.len()).unwrap_or(u32::MAX);
        Logos {
            db,
            outbound,
            known: Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED).build(),
            claims: Cache::builder().max_capacity(10_000).time_to_live(CLAIM_EVERY).build(),
            images: Cache::builder().max_capacity(IN_MEMORY).weigher(weight).build(),
            fetching: Fetching::default(),
        }
    }

    /// The name under which a client's logo is served, if there is one. The page never waits for a fetch: it
    /// runs in the background, at a limited rate however often pages are shown.
    pub async fn name(&self, client: &Client, now: OffsetDateTime) -> Option<String> {
        let uri = client.metadata.logo_uri.as_deref()?;
        let known = match self.known.get(&client.id) {
            Some(known) => known,
            None => match logos::find(&self.db, &client.id).await {
                Ok(known) => {
                    self.known.insert(client.id.clone(), known.clone());
                    known
                }
                Err(error) => {
                    tracing::warn!(%error, "a logo cannot be read: the page is shown without it");
                    return None;
                }
            },
        };
        let known = known.filter(|known| known.uri == uri);
        if known.as_ref().is_none_or(|known| known.is_due(now))
            && self.claims.entry_by_ref(&client.id).or_insert(()).is_fresh()
        {
            match self.fetching.permit(uri) {
                Some(permit) => {
                    let (logos, client_id, uri) = (self.clone(), client.id.clone(), uri.to_owned());
                    tokio::spawn(async move {
                        logos.fetch(&client_id, &uri, now).await;
                        drop(permit);
                    });
                }
                // No retry is queued: the next page with this client tries again.
                None => self.claims.invalidate(&client.id),
            }
        }
        known?.name
    }

    /// Fetches a logo unless another node does. Without an image the pages are shown without a logo.
    async fn fetch(&self, client_id: &str, uri: &str, now: OffsetDateTime) {
        match self.fetch_now(client_id, uri, now).await {
            Ok(()) => self.known.invalidate(client_id),
            Err(why) => tracing::warn!(client_id, why, "a logo could not be fetched"),
        }
    }

    async fn fetch_now(&self, client_id: &str, uri: &str, now: OffsetDateTime) -> Result<(), String> {
        let claimed = logos::claim(&self.db, client_id, uri, now + RETRY, now).await;
        if !claimed.map_err(|error| error.to_string())? {
            return Ok(());
        }
        let image =
            self.outbound.get(client_id, uri, LARGEST, now).await.map_err(|error| error.to_string())?;
        let kind = kind(&image).ok_or("it is neither a PNG, a JPEG, a GIF nor a WebP image")?;
        let mut name = base32(&sha256(&image));
        name.truncate(32);
        let kept =
            logos::keep(&self.db, client_id, uri, &format!("logo-{name}.{kind}"), image, now + FRESH).await;
        kept.map_err(|error| error.to_string())
    }

    /// The image of a name, and its type.
    pub async fn image(&self, name: &str) -> Result<Option<(bytes::Bytes, &'static str)>, DbError> {
        let kind = name.split_once('.').and_then(|(_, kind)| KINDS.iter().find(|(known, _)| *known == kind));
        let Some((_, content_type)) = kind else { return Ok(None) };
        if let Some(image) = self.images.get(name) {
            return Ok(Some((image, content_type)));
        }
        let Some(image) = logos::image(&self.db, name).await? else { return Ok(None) };
        let image = bytes::Bytes::from(image);
        self.images.insert(name.to_owned(), image.clone());
        Ok(Some((image, content_type)))
    }
}

impl Fetching {
    /// Takes a permit for this address; none if too many fetches are running.
    fn permit(&self, uri: &str) -> Option<Permit> {
        let url = Url::parse(uri).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or(uri).to_owned();
        let mut hosts = self.lock();
        if hosts.len() >= FETCHES || hosts.iter().filter(|other| **other == host).count() >= PER_HOST {
            return None;
        }
        hosts.push(host.clone());
        drop(hosts);
        Some(Permit { fetching: self.clone(), host })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut hosts = self.fetching.lock();
        if let Some(at) = hosts.iter().position(|host| *host == self.host) {
            hosts.swap_remove(at);
        }
    }
}

/// The image type by its first bytes, because a declared type cannot be trusted.
fn kind(image: &[u8]) -> Option<&'static str> {
    match image {
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Some("png"),
        [0xFF, 0xD8, 0xFF, ..] => Some("jpg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("webp"),
        _ => None,
    }
}
