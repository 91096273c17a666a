//! A mark in the state store, by which every node notices that the store has lost what it held.

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::Key;
use super::mac::{Found, MacKv};
use crate::secret::{base64url, random};

/// Longer than any store is kept.
const LIFETIME: Duration = Duration::days(3650);

/// How often a mark that is not there after it was left is looked for.
const ATTEMPTS: u8 = 3;

/// The drawer that holds the mark and nothing else.
#[derive(Clone)]
pub struct Mark {
    kv: MacKv,
}

impl Mark {
    pub(super) fn new(kv: MacKv) -> Mark {
        Mark { kv }
    }

    /// Reads the mark, and leaves one if there is none: when it is another than before, what was kept beside
    /// that one is gone.
    pub async fn read(&self, now: OffsetDateTime) -> Result<String, StateError> {
        let key = Key::new('m', "mark");
        for _ in 0..ATTEMPTS {
            let found = self.kv.find(&key, now).await?;
            if let Some(mark) = found.as_ref().and_then(Found::value) {
                return Ok(base64url(mark));
            }
            // Of several nodes that miss it at once, one leaves a mark that all of them know.
            self.kv.replace(&key, found.as_ref(), &random::<16>(), now + LIFETIME, now).await?;
        }
        Err(StateError::Contended)
    }
}
