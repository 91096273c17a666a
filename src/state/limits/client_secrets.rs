//! Limits on guessing client secrets. A wrong secret is counted in the store. Each node that reaches a limit remembers it
//! in memory, so that a request with a right secret asks the store nothing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::{Duration, OffsetDateTime};

use super::{Limit, digest};
use crate::protocol::instant::lasts;
use crate::state::StateError;
use crate::state::kv::{Drawer, Key, Kv};

/// The window of all these limits.
const WINDOW: Duration = Duration::minutes(1);
/// For one client from one address: high, because some instances of a service may repeat an old secret, and 256 bits are
/// not guessed.
const PAIR: Limit = Limit { most: 300, window: WINDOW };
/// For all clients from one address, which several services may share.
const ADDRESS: Limit = Limit { most: 1000, window: WINDOW };
/// For one client from all addresses.
const CLIENT: Limit = Limit { most: 3000, window: WINDOW };
/// How long [`CLIENT`] does not hold for an address from which the client has authenticated: otherwise an attacker with
/// some addresses could lock a client out.
const PROVEN: Duration = Duration::hours(1);
/// Number of names of each kind that a node remembers: more than the addresses of one attacker.
const REMEMBERED: usize = 10_000;

/// The drawer of these counters.
#[derive(Clone)]
pub struct ClientSecretLimits {
    kv: Kv,
    /// Names whose secrets are not compared.
    held_off: Remembered,
    /// Clients whose secrets are being guessed.
    tried: Remembered,
    /// Addresses from which those clients have authenticated.
    proven: Remembered,
}

/// Names, each until its end: an hour at most.
#[derive(Clone, Default)]
struct Remembered(Arc<Mutex<HashMap<String, OffsetDateTime>>>);

/// The names of a secret's counters.
struct Names {
    pair: String,
    address: String,
    client: String,
}

impl ClientSecretLimits {
    pub(in crate::state) fn new(kv: Kv) -> ClientSecretLimits {
        let [held_off, tried, proven] = Default::default();
        ClientSecretLimits { kv, held_off, tried, proven }
    }

    /// How long secrets of this client from this address are not compared; none when they are.
    pub fn held_off(&self, client_id: &str, from: Option<IpAddr>, now: OffsetDateTime) -> Option<Duration> {
        // Nearly always the list is empty; then no name is hashed.
        if self.held_off.lock().is_empty() {
            return None;
        }
        let Names { pair, address, client } = Names::new(client_id, from);
        let here = self.held_off.left(&pair, now).max(self.held_off.left(&address, now));
        let is_proven = || self.proven.left(&pair, now).is_some();
        here.or_else(|| self.held_off.left(&client, now).filter(|_| !is_proven()))
    }

    /// Notes that a client has authenticated.
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
        let all = self.count(&client, CLIENT, now).await?;
        if all >= PAIR.most {
            self.tried.note(client, now + PROVEN, now);
        }
        self.count(&address, ADDRESS, now).await?;
        self.count(&pair, PAIR, now).await?;
        Ok(())
    }

    async fn count(&self, name: &str, limit: Limit, now: OffsetDateTime) -> Result<u64, StateError> {
        let hits = limit.count(&self.kv, &Key::new(Drawer::ClientSecretLimit, name), now).await?;
        if hits.count >= limit.most {
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
    /// Names of a constant length. An IPv6 address stands for its /56, because one visitor has all of it.
    fn new(client_id: &str, from: Option<IpAddr>) -> Names {
        let from = match from {
            None => String::new(),
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => Ipv6Addr::from_bits(address.to_bits() >> 72 << 72).to_string(),
        };
        let name = |kind: &str, client_id: &str, from: &str| digest(&format!("{kind} {from} {client_id}"));
        Names {
            pair: name("pair", client_id, &from),
            address: name("address", "", &from),
            client: name("client", client_id, ""),
        }
    }
}
