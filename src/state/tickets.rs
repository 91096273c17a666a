//! Pending requests: which were completed, and the parameters of those too large to travel in an address.

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::{Hold, Key, Kv};
use super::mac::MacKv;
use crate::ids::{RecordId, TicketId};
use crate::secret::{Token, TokenHash, base64url};

/// How long a completed request is remembered: as long as its ticket could live.
const COMPLETED: Duration = Duration::hours(24);
/// How long parameters are kept.
const PARKED: Duration = Duration::hours(1);
/// How many bytes strangers may park in all.
const STRANGERS: u64 = 50_000_000;
/// How many of those from one network.
const NETWORK: u64 = 1_000_000;
/// How many of those for one client.
const CLIENT: u64 = 10_000_000;
/// How many bytes browsers in which a person is signed in may park in all.
const SIGNED_IN: u64 = 50_000_000;
/// How many of those one browser.
const BROWSER: u64 = 2_000_000;
/// How many of those one person, in all browsers: signing in often is no way to all of it.
const PERSON: u64 = 10_000_000;
/// The largest that may be parked, in bytes. The escapes in a request of the largest size can make more of it.
pub const LARGEST: usize = 64 * 1024;

/// Whose budget parked bytes count in.
pub enum Whose {
    /// A browser in which nobody is signed in.
    Stranger {
        /// The network (IPv4 /24, IPv6 /48) the request came from.
        network: String,
        /// The client it names, or nothing.
        client_id: String,
    },
    /// A browser in which a person is signed in.
    SignedIn {
        /// The browser's record.
        record: RecordId,
        /// The person.
        user_id: String,
    },
}

/// A budget of parked bytes.
struct Budget {
    /// What it is called in the log.
    name: &'static str,
    key: Key,
    most: u64,
}

/// A budget that has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// What it is called in the log.
    pub budget: &'static str,
    /// When it has room again.
    pub until: OffsetDateTime,
}

impl Whose {
    /// The budgets that all need room, the narrowest first.
    fn budgets(&self) -> [Budget; 3] {
        let budget = |name, kind: &str, whose: &str, most| {
            let whose = base64url(TokenHash::of(whose).as_bytes());
            Budget { name, key: Key::new('q', &format!("{kind}:{whose}")), most }
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

    /// Keeps parameters that are too large to travel, sealed, behind a handle, if each budget they count in has room.
    /// What is counted ends with what is parked, within the minute.
    pub async fn park(
        &self,
        handle: &Token,
        sealed: &[u8],
        whose: &Whose,
        now: OffsetDateTime,
    ) -> Result<Result<(), Full>, StateError> {
        let bytes = u64::try_from(sealed.len()).unwrap_or(u64::MAX);
        let ends = now + PARKED;
        let until = ends + Duration::seconds(59 - (ends.unix_timestamp() - 1).rem_euclid(60));
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
            // What is not parked is not counted. If that cannot be told, it counts until its end.
            for key in &held {
                if let Err(error) = self.counters.release(key, bytes, until).await {
                    tracing::warn!(%error, "what was not parked stays counted for an hour");
                }
            }
        }
        done
    }

    /// What is behind a handle, still sealed.
    pub async fn parked(&self, handle: &str, now: OffsetDateTime) -> Result<Option<Vec<u8>>, StateError> {
        self.kv.get(&parked(handle), now).await
    }
}

fn completed(id: TicketId) -> Key {
    Key::new('t', &id.to_string())
}

fn parked(handle: &str) -> Key {
    Key::new('p', &base64url(TokenHash::of(handle).as_bytes()))
}
