//! Looks for changed clients.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// How often changes are looked for: a change is live on every node within about this time.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks for changed clients, so that the unchanged ones may stay in memory.
pub(super) async fn look(app: Arc<App>) {
    loop {
        if let Err(error) = app.clients.look().await {
            tracing::debug!(%error, "changes of clients cannot be seen: none is taken from memory");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
