//! Limits on guessing, where attempts are counted within a window that begins with the first of them; and on what may be
//! stored at a time.

pub mod budget; // what may be stored
pub mod client_secrets; // counted when wrong
pub mod passwords; // counted before they are compared
pub mod user_codes; // counted before they are looked up

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::{Hits, Key, Kv};
use crate::secret::{base64url, sha256};

/// How many attempts may be counted within a window.
#[derive(Clone, Copy)]
struct Limit {
    most: u64,
    window: Duration,
}

impl Limit {
    async fn count(self, kv: &Kv, key: &Key, now: OffsetDateTime) -> Result<Hits, StateError> {
        kv.hit(key, self.window, now).await
    }
}

/// A short name for a text of any length and content.
fn digest(text: &str) -> String {
    let mut digest = base64url(&sha256(text.as_bytes()));
    digest.truncate(22);
    digest
}
