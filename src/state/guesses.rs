//! Limits on guessing the secrets of clients. A wrong secret is counted in the store, and what that count
//! says is remembered by each node that hears it: who proves himself at once costs nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::{Key, Kv};
use crate::secret::{base64url, sha256};

/// How long wrong secrets are counted together.
const WINDOW: Duration = Duration::minutes(1);
/// How many of one client may come from one address within that time: a few instances of a service that try
/// an old secret again and again shut no one out beside them, and nobody guesses 256 bits.
const MOST: u64 = 300;
/// How many that failed too often a node remembers: more than one attacker has addresses.
const REMEMBERED: usize = 10_000;

/// The drawer of counted guesses.
#[derive(Clone)]
pub struct Guesses {
    kv: Kv,
    /// Until when no secret is looked at.
    held_off: Arc<Mutex<HashMap<String, OffsetDateTime>>>,
}

impl Guesses {
    pub(super) fn new(kv: Kv) -> Guesses {
        Guesses { kv, held_off: Arc::default() }
    }

    /// How long secrets of this client are not looked at when they come from this address.
    pub fn held_off(&self, client_id: &str, from: Option<IpAddr>, now: OffsetDateTime) -> Option<Duration> {
        let held_off = self.lock();
        // Nearly always there is nobody, and then nothing to be written out and hashed.
        let until = if held_off.is_empty() { None } else { held_off.get(&name(client_id, from)) };
        until.map(|until| *until - now).filter(|left| left.is_positive())
    }

    /// Counts a wrong secret of a registered client.
    pub async fn failed(
        &self,
        client_id: &str,
        from: Option<IpAddr>,
        now: OffsetDateTime,
    ) -> Result<(), StateError> {
        let name = name(client_id, from);
        let hits = self.kv.hit(&Key::new('g', &name), WINDOW, now).await?;
        if hits.count >= MOST {
            let mut held_off = self.lock();
            held_off.retain(|_, until| *until > now);
            if held_off.len() < REMEMBERED {
                held_off.insert(name, hits.resets);
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, OffsetDateTime>> {
        self.held_off.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A short name for both, whatever the client is called.
fn name(client_id: &str, from: Option<IpAddr>) -> String {
    let from = from.map(|from| from.to_string()).unwrap_or_default();
    let mut name = base64url(&sha256(format!("{from} {client_id}").as_bytes()));
    name.truncate(22);
    name
}
