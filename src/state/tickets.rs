//! Pending requests: which were completed, and those too large to travel in an address.

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::{Key, Kv};
use crate::ids::TicketId;
use crate::secret::{Token, base64url};

/// How long a completed request is remembered: as long as its ticket could live.
const COMPLETED: Duration = Duration::hours(24);
/// How long a parked ticket is kept.
const PARKED: Duration = Duration::hours(1);

/// The drawer of tickets.
#[derive(Clone)]
pub struct Tickets {
    kv: Kv,
}

impl Tickets {
    pub(super) fn new(kv: Kv) -> Tickets {
        Tickets { kv }
    }

    /// Marks a request as completed; false when it was completed before.
    pub async fn complete(&self, id: TicketId, now: OffsetDateTime) -> Result<bool, StateError> {
        self.kv.put_new(&completed(id), &[], now + COMPLETED, now).await
    }

    /// Keeps a sealed ticket that is too large for an address and answers a handle to it.
    pub async fn park(&self, sealed: &[u8], now: OffsetDateTime) -> Result<Token, StateError> {
        let handle = Token::generate();
        self.kv.put(&parked(handle.expose()), sealed, now + PARKED).await?;
        Ok(handle)
    }

    /// The sealed ticket behind a handle.
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
