//! Pending requests: which were completed, and the parameters of those too large to travel in an address.

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::{Key, Kv};
use super::mac::MacKv;
use crate::ids::{SessionId, TicketId};
use crate::secret::{Token, base64url};

/// How long a completed request is remembered: as long as its ticket could live.
const COMPLETED: Duration = Duration::hours(24);
/// How long parameters are kept.
const PARKED: Duration = Duration::hours(1);
/// How many one network may park within that time.
const MOST_PER_NETWORK: u64 = 20;
/// How many somebody who is signed in may, wherever he is.
const MOST_PER_SESSION: u64 = 100;
/// How many may be parked within that time in all. What two such times allow can lie here at once: 100 MB.
const MOST_IN_ALL: u64 = 750;
/// The largest that may be parked, in bytes. The escapes in a request of the largest size can make more of it.
pub const LARGEST: usize = 64 * 1024;

/// Who is counted for what is parked.
pub enum Whose {
    /// Somebody from this network.
    Network(String),
    /// Who is signed in with this session.
    Session(SessionId),
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

    /// Keeps parameters that are too large to travel, sealed, behind a handle; false when whoever it is, or
    /// everybody together, has parked too many within the hour.
    pub async fn park(
        &self,
        handle: &Token,
        sealed: &[u8],
        whose: &Whose,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        let (name, most) = match whose {
            Whose::Network(network) => (network.clone(), MOST_PER_NETWORK),
            Whose::Session(session_id) => (session_id.to_string(), MOST_PER_SESSION),
        };
        for (counted, most) in [(name.as_str(), most), ("all", MOST_IN_ALL)] {
            if self.counters.hit(&Key::new('q', counted), PARKED, now).await?.count > most {
                return Ok(false);
            }
        }
        self.kv.put(&parked(handle.expose()), sealed, now + PARKED).await?;
        Ok(true)
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
    Key::new('p', &base64url(crate::secret::TokenHash::of(handle).as_bytes()))
}
