//! Looks for changed clients and resources.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// How often changes are looked for: a change is live on every node within about this time.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks for changes, so that unchanged clients and resources may stay in memory.
pub(super) async fn look(app: Arc<App>) {
    loop {
        if let Err(error) = app.look_for_changes().await {
            tracing::debug!(%error, "changes cannot be seen: no client is taken from memory");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
