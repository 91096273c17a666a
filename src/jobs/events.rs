//! Writes events of sign-ins.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// The minimum time in which events of sign-ins gather before they are written together.
const WRITE_EVENTS_EVERY: Duration = Duration::from_secs(1);

/// Writes events of sign-ins in batches. Logs once, and not every second, that some were lost.
pub(super) async fn write(app: Arc<App>) {
    let mut lost = 0;
    loop {
        app.events.wait().await;
        if let Err(error) = app.events.write_down(app.clock.now()).await {
            tracing::warn!(%error, waiting = app.events.tally().waiting, "events of sign-ins are not written down yet");
        }
        let so_far = app.events.tally().lost();
        if so_far > lost {
            tracing::error!(lost = so_far - lost, "events of sign-ins were lost");
            lost = so_far;
        }
        tokio::time::sleep(WRITE_EVENTS_EVERY).await;
    }
}
