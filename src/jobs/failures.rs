//! Writes failures of clients for their developers.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// The minimum time in which failures of clients gather before they are written together.
const WRITE_FAILURES_EVERY: Duration = Duration::from_secs(1);

/// Writes failures of clients in batches.
pub(super) async fn write(app: Arc<App>) {
    loop {
        app.state.failures.wait().await;
        if let Err(error) = app.state.failures.write_down(app.clock.now()).await {
            tracing::warn!(%error, "some failures of clients were not written down for their developers");
        }
        tokio::time::sleep(WRITE_FAILURES_EVERY).await;
    }
}
