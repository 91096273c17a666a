//! Sees which clients were changed.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// How often changes of clients are looked for: one is live on every node within about this.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Sees which clients were changed, so that those that were not may be kept in memory.
pub(super) async fn look(app: Arc<App>) {
    loop {
        if let Err(error) = app.clients.look().await {
            tracing::debug!(%error, "changes of clients cannot be seen: none is taken from memory");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
