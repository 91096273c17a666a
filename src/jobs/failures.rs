//! Writes failures of clients down for their developers.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// How long failures of clients gather at least before they are written down together.
const WRITE_FAILURES_EVERY: Duration = Duration::from_secs(1);

/// Writes the failures of clients down as they come.
pub(super) async fn write(app: Arc<App>) {
    loop {
        app.state.failures.wait().await;
        if let Err(error) = app.state.failures.write_down(app.clock.now()).await {
            tracing::warn!(%error, "some failures of clients were not written down for their developers");
        }
        tokio::time::sleep(WRITE_FAILURES_EVERY).await;
    }
}
