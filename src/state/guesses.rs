//! Limits on guessing the secrets of clients. A wrong secret is counted in the store, and what that count
//! says is remembered by each node that hears it: who proves himself at once costs nothing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::{Key, Kv};
use crate::protocol::instant::lasts;
use crate::secret::{base64url, sha256};

/// How long wrong secrets are counted together.
const WINDOW: Duration = Duration::minutes(1);
/// How many of one client may come from one address within that time: a few instances of a service that try
/// an old secret again and again shut no one out beside them, and nobody guesses 256 bits.
const MOST: u64 = 300;
/// How many may come from one address, of all clients: several services may be behind it.
const MOST_FROM: u64 = 1000;
/// How many of one client may come from everywhere.
const MOST_OF: u64 = 3000;
/// How long an address where a client has proven itself is let through when that many came from elsewhere:
/// otherwise anybody with some addresses could shut a client out.
const PROVEN: Duration = Duration::hours(1);
/// How many of each kind a node remembers: more than one attacker has addresses.
const REMEMBERED: usize = 10_000;

/// The drawer of counted guesses.
#[derive(Clone)]
pub struct Guesses {
    kv: Kv,
    /// Until when no secret is looked at.
    held_off: Remembered,
    /// Which clients are being tried, from anywhere.
    tried: Remembered,
    /// From where those proved themselves.
    proven: Remembered,
}

/// Names, and until when they are remembered: for an hour at most.
#[derive(Clone, Default)]
struct Remembered(Arc<Mutex<HashMap<String, OffsetDateTime>>>);

/// What a secret is counted under.
struct Names {
    pair: String,
    address: String,
    client: String,
}

impl Guesses {
    pub(super) fn new(kv: Kv) -> Guesses {
        let [held_off, tried, proven] = Default::default();
        Guesses { kv, held_off, tried, proven }
    }

    /// How long secrets of this client are not looked at when they come from this address.
    pub fn held_off(&self, client_id: &str, from: Option<IpAddr>, now: OffsetDateTime) -> Option<Duration> {
        // Nearly always there is nobody, and then nothing to be written out and hashed.
        if self.held_off.lock().is_empty() {
            return None;
        }
        let Names { pair, address, client } = Names::new(client_id, from);
        let here = self.held_off.left(&pair, now).max(self.held_off.left(&address, now));
        let is_proven = || self.proven.left(&pair, now).is_some();
        here.or_else(|| self.held_off.left(&client, now).filter(|_| !is_proven()))
    }

    /// Notes that a client has proven itself.
    pub fn proven(&self, client_id: &str, from: Option<IpAddr>, now: OffsetDateTime) {
        if self.tried.lock().is_empty() {
            return;
        }
        let Names { pair, client, .. } = Names::new(client_id, from);
        if self.tried.left(&client, now).is_some() {
            self.proven.note(pair, now + PROVEN, now);
        }
    }

    /// Counts a wrong secret of a registered client.
    pub async fn failed(
        &self,
        client_id: &str,
        from: Option<IpAddr>,
        now: OffsetDateTime,
    ) -> Result<(), StateError> {
        let Names { pair, address, client } = Names::new(client_id, from);
        let all = self.count(&client, MOST_OF, now).await?;
        if all >= MOST {
            self.tried.note(client, now + PROVEN, now);
        }
        self.count(&address, MOST_FROM, now).await?;
        self.count(&pair, MOST, now).await?;
        Ok(())
    }

    async fn count(&self, name: &str, most: u64, now: OffsetDateTime) -> Result<u64, StateError> {
        let hits = self.kv.hit(&Key::new('g', name), WINDOW, now).await?;
        if hits.count >= most {
            self.held_off.note(name.to_owned(), hits.resets, now);
        }
        Ok(hits.count)
    }
}

impl Remembered {
    fn left(&self, name: &str, now: OffsetDateTime) -> Option<Duration> {
        self.lock().get(name).filter(|until| lasts(**until, PROVEN, now)).map(|until| *until - now)
    }

    fn note(&self, name: String, until: OffsetDateTime, now: OffsetDateTime) {
        let mut names = self.lock();
        names.retain(|_, until| lasts(*until, PROVEN, now));
        if names.len() < REMEMBERED || names.contains_key(&name) {
            names.insert(name, until);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, OffsetDateTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Names {
    /// Short ones, whatever the client is called. An address of IPv6 stands for its /56: one visitor has all of
    /// those.
    fn new(client_id: &str, from: Option<IpAddr>) -> Names {
        let from = match from {
            None => String::new(),
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => Ipv6Addr::from_bits(address.to_bits() >> 72 << 72).to_string(),
        };
        let name = |kind: &str, client_id: &str, from: &str| {
            let mut name = base64url(&sha256(format!("{kind} {from} {client_id}").as_bytes()));
            name.truncate(22);
            name
        };
        Names {
            pair: name("pair", client_id, &from),
            address: name("address", "", &from),
            client: name("client", client_id, ""),
        }
    }
}
