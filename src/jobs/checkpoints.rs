//! Checkpoints of the state store's file.

use std::time::{Duration, Instant};

use crate::state::kv::Kv;

/// How often it is seen whether a checkpoint of the state store's file is due.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
/// After how many statements one is due.
const CHECKPOINT_AFTER: u64 = 1000;
/// After what time one is, when there were fewer.
const CHECKPOINT_AT_LAST: Duration = Duration::from_secs(60);

/// Carries what was written to the state store's file ahead of it over into the file. Requests then never wait for that,
/// and its log stays short. Other stores look after themselves.
pub(super) async fn make(kv: Kv) {
    let (mut made, mut last) = (kv.asked(), Instant::now());
    loop {
        tokio::time::sleep(CHECKPOINT_EVERY).await;
        let since = kv.asked() - made;
        if since < CHECKPOINT_AFTER && (since == 0 || last.elapsed() < CHECKPOINT_AT_LAST) {
            continue;
        }
        (made, last) = (kv.asked(), Instant::now());
        if let Err(error) = kv.checkpoint().await {
            tracing::warn!(%error, "no checkpoint of the state store could be made: its log grows");
        }
    }
}
