//! Pending requests: which of them are completed, and the parameters of those that are too large for an address.

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::{Drawer, Key, Kv};
use super::limits::budget::{Budget, store_within};
use super::mac::MacKv;
use crate::ids::{RecordId, TicketId};
use crate::secret::{Token, TokenHash, base64url};

pub use super::limits::budget::Full;

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

impl Whose {
    /// The budgets; each of them needs room. The narrowest comes first.
    fn budgets(&self) -> [Budget; 3] {
        let budget =
            |name, kind, whose: &str, most| Budget::new(Drawer::ParkedBytes, name, kind, whose, most);
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
        let key = parked(handle.expose());
        store_within(&self.counters, whose.budgets(), bytes, ends, now, self.kv.put(&key, sealed, ends)).await
    }

    /// The parameters under a handle, still sealed.
    pub async fn parked(&self, handle: &str, now: OffsetDateTime) -> Result<Option<Vec<u8>>, StateError> {
        self.kv.get(&parked(handle), now).await
    }
}

fn completed(id: TicketId) -> Key {
    Key::new(Drawer::CompletedRequest, &id.to_string())
}

fn parked(handle: &str) -> Key {
    Key::new(Drawer::ParkedRequest, &base64url(TokenHash::of(handle).as_bytes()))
}
