//! Pending requests: which of them are completed, and the parameters of those that are too large for an address.

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::{Drawer, Hold, Key, Kv};
use super::mac::MacKv;
use crate::ids::{RecordId, TicketId};
use crate::secret::{Token, TokenHash, base64url};

/// How long a completed request is remembered: as long as its ticket may be valid.
const COMPLETED: Duration = Duration::hours(24);
/// How long parameters stay parked.
const PARKED: Duration = Duration::hours(1);
/// Budget of all browsers without a session, in bytes.
const STRANGERS: u64 = 50_000_000;
/// Part of it for one network.
const NETWORK: u64 = 1_000_000;
/// Part of it for one client.
const CLIENT: u64 = 10_000_000;
/// Budget of all browsers with a session, in bytes.
const SIGNED_IN: u64 = 50_000_000;
/// Part of it for one browser.
const BROWSER: u64 = 2_000_000;
/// Part of it for one person in all browsers, so that signing in often does not use it up.
const PERSON: u64 = 10_000_000;
/// Limit of one parked request, in bytes. Escapes can make a request of the largest accepted size longer than that.
pub const LARGEST: usize = 64 * 1024;

/// The owner of parked bytes, whose budgets they count in.
pub enum Whose {
    /// A browser without a session.
    Stranger {
        /// The network (IPv4 /24, IPv6 /48) the request came from.
        network: String,
        /// The client that it names; empty for none.
        client_id: String,
    },
    /// A browser with a session.
    SignedIn {
        /// The browser's record.
        record: RecordId,
        /// The person.
        user_id: String,
    },
}

/// A budget of parked bytes.
struct Budget {
    /// Its name in the log.
    name: &'static str,
    key: Key,
    most: u64,
}

/// A budget that has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// Its name in the log.
    pub budget: &'static str,
    /// When it has room for the request.
    pub until: OffsetDateTime,
}

impl Whose {
    /// The budgets; each of them needs room. The narrowest comes first.
    fn budgets(&self) -> [Budget; 3] {
        let budget = |name, kind: &str, whose: &str, most| {
            let whose = base64url(TokenHash::of(whose).as_bytes());
            Budget { name, key: Key::new(Drawer::ParkedBytes, &format!("{kind}:{whose}")), most }
        };
        match self {
            Whose::Stranger { network, client_id } => [
                budget("parked requests of a network", "network", network, NETWORK),
                budget("parked requests for a client", "client", client_id, CLIENT),
                budget("parked requests of strangers", "strangers", "", STRANGERS),
            ],
            Whose::SignedIn { record, user_id } => [
                budget("parked requests of a browser", "browser", &record.to_string(), BROWSER),
                budget("parked requests of a person", "person", user_id, PERSON),
                budget("parked requests of people who are signed in", "signed-in", "", SIGNED_IN),
            ],
        }
    }
}

/// The drawer of tickets.
#[derive(Clone)]
pub struct Tickets {
    kv: MacKv,
    counters: Kv,
}

impl Tickets {
    pub(super) fn new(kv: MacKv, counters: Kv) -> Tickets {
        Tickets { kv, counters }
    }

    /// Marks a request as completed; false when it was completed before.
    pub async fn complete(&self, id: TicketId, now: OffsetDateTime) -> Result<bool, StateError> {
        self.kv.put_new(&completed(id), &[], now + COMPLETED, now).await
    }

    /// Tells whether a request was completed before.
    pub async fn is_completed(&self, id: TicketId, now: OffsetDateTime) -> Result<bool, StateError> {
        Ok(self.kv.get(&completed(id), now).await?.is_some())
    }

    /// Parks sealed parameters under a handle, if each of their budgets has room. The amount in the budgets ends with the
    /// parked request, rounded up to the minute.
    pub async fn park(
        &self,
        handle: &Token,
        sealed: &[u8],
        whose: &Whose,
        now: OffsetDateTime,
    ) -> Result<Result<(), Full>, StateError> {
        let bytes = u64::try_from(sealed.len()).unwrap_or(u64::MAX);
        let ends = now + PARKED;
        let until = rounded_up_to_minute(ends);
        let mut held: Vec<Key> = vec![];
        let done = async {
            for Budget { name, key, most } in whose.budgets() {
                if let Hold::Full(free) = self.counters.hold(&key, bytes, most, until, now).await? {
                    return Ok(Err(Full { budget: name, until: free }));
                }
                held.push(key);
            }
            self.kv.put(&parked(handle.expose()), sealed, ends).await?;
            Ok(Ok(()))
        };
        let done = done.await;
        if !matches!(done, Ok(Ok(()))) {
            // Nothing is parked, so nothing may stay counted. Where the store does not answer, it stays counted until
            // its end.
            for key in &held {
                if let Err(error) = self.counters.release(key, bytes, until).await {
                    tracing::warn!(%error, "what was not parked stays counted for an hour");
                }
            }
        }
        done
    }

    /// The parameters under a handle, still sealed.
    pub async fn parked(&self, handle: &str, now: OffsetDateTime) -> Result<Option<Vec<u8>>, StateError> {
        self.kv.get(&parked(handle), now).await
    }
}

fn rounded_up_to_minute(instant: OffsetDateTime) -> OffsetDateTime {
    instant + Duration::seconds((-instant.unix_timestamp()).rem_euclid(60))
}

fn completed(id: TicketId) -> Key {
    Key::new(Drawer::CompletedRequest, &id.to_string())
}

fn parked(handle: &str) -> Key {
    Key::new(Drawer::ParkedRequest, &base64url(TokenHash::of(handle).as_bytes()))
}
