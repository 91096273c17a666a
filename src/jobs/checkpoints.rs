//! Checkpoints of the state store's file.

use std::time::{Duration, Instant};

use crate::state::kv::Kv;

/// How often the job checks whether a checkpoint is due.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
/// The number of statements after which one is due.
const CHECKPOINT_AFTER: u64 = 1000;
/// The time after which one is due when there were fewer statements.
const CHECKPOINT_AT_LAST: Duration = Duration::from_secs(60);

/// Makes checkpoints of the state store's file in the background, so that requests never wait for one and its
/// log stays short. Other stores make their own.
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
