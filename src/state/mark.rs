//! A mark in the state store, by which each node notices that the store has lost its values.

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::{Drawer, Key};
use super::mac::{Found, MacKv};
use crate::secret::{base64url, random};

/// Longer than the life of any store.
const LIFETIME: Duration = Duration::days(3650);

/// Number of attempts to read a mark that was just written.
const ATTEMPTS: u8 = 3;

/// The drawer of the mark.
#[derive(Clone)]
pub struct Mark {
    kv: MacKv,
}

impl Mark {
    pub(super) fn new(kv: MacKv) -> Mark {
        Mark { kv }
    }

    /// Reads the mark, and writes one if there is none. A mark that differs from an earlier one means that the values of
    /// then are lost.
    pub async fn read(&self, now: OffsetDateTime) -> Result<String, StateError> {
        let key = Key::new(Drawer::Mark, "mark");
        for _ in 0..ATTEMPTS {
            let found = self.kv.find(&key, now).await?;
            if let Some(mark) = found.as_ref().and_then(Found::value) {
                return Ok(base64url(mark));
            }
            // Of several nodes that write at once, one succeeds, and all read its mark.
            self.kv.replace(&key, found.as_ref(), &random::<16>(), now + LIFETIME, now).await?;
        }
        Err(StateError::Contended)
    }
}
