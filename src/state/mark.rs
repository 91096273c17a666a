//! A mark in the state store, by which every node notices that the store has lost what it held.

use std::sync::{Arc, Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::{Key, Kv};
use crate::secret::random;

/// Longer than any store is kept.
const LIFETIME: Duration = Duration::days(3650);

/// The drawer that holds the mark and nothing else.
#[derive(Clone)]
pub struct Mark {
    kv: Kv,
    seen: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Mark {
    pub(super) fn new(kv: Kv) -> Mark {
        Mark { kv, seen: Arc::default() }
    }

    /// Looks for the mark, and leaves one if there is none. Tells whether it is another than the last time:
    /// what was kept beside that one is gone.
    pub async fn has_changed(&self, now: OffsetDateTime) -> Result<bool, StateError> {
        let key = Key::new('m', "mark");
        let mut found = self.kv.get(&key, now).await?;
        if found.is_none() {
            self.kv.put_new(&key, &random::<16>(), now + LIFETIME, now).await?;
            // Of several nodes that miss it at once, one leaves a mark that all of them know.
            found = self.kv.get(&key, now).await?;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = seen.is_some() && found.is_some() && *seen != found;
        *seen = found.or(seen.take());
        Ok(changed)
    }
}
