//! Background work: every node does it, and none waits for another.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::store;

/// How often what has expired is swept away.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How much one step of it takes at most.
const SWEEP_AT_ONCE: usize = 500;
/// How long it lets others write between two steps.
const SWEEP_PAUSE: Duration = Duration::from_millis(100);
/// How long failures of clients gather at least before they are written down together.
const WRITE_FAILURES_EVERY: Duration = Duration::from_secs(1);

/// Starts all of it, for as long as the process lives.
pub fn start(app: &Arc<App>) {
    tokio::spawn(sweep(Arc::clone(app)));
    tokio::spawn(tend_keys(Arc::clone(app)));
    actix_web::rt::spawn(write_failures(Arc::clone(app)));
}

/// Writes the failures of clients down as they come.
async fn write_failures(app: Arc<App>) {
    loop {
        app.state.failures.wait().await;
        if let Err(error) = app.state.failures.write_down(app.clock.now()).await {
            tracing::warn!(%error, "some failures of clients were not written down for their developers");
        }
        tokio::time::sleep(WRITE_FAILURES_EVERY).await;
    }
}

/// Looks after the signing keys every few seconds, on a thread of its own: making an RSA key must keep no
/// request waiting.
async fn tend_keys(app: Arc<App>) {
    let every = app.config.keys.refresh().unsigned_abs();
    loop {
        tokio::time::sleep(every).await;
        let app = Arc::clone(&app);
        match tokio::task::spawn_blocking(move || app.tend_keys()).await {
            Ok(Ok(())) => (),
            Ok(Err(error)) => tracing::warn!(%error, "the signing keys could not be looked after"),
            Err(error) => tracing::error!(%error, "looking after the signing keys failed"),
        }
    }
}

/// Sweeps what has expired, for as long as the process lives: a little at a time, so that nobody waits
/// long for the writer, and again until nothing is left.
async fn sweep(app: Arc<App>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let now = app.clock.now();
        loop {
            let swept = match (app.kv.sweep(now).await, store::grants::sweep(&app.db, now).await) {
                (Ok(values), Ok(grants)) => {
                    app.metrics.sweeps.swept(values, grants, now);
                    values.max(grants)
                }
                (values, grants) => {
                    let errors = [values.err().map(|e| e.to_string()), grants.err().map(|e| e.to_string())];
                    tracing::warn!(?errors, "sweeping failed");
                    app.metrics.sweeps.failed.increment(1);
                    break;
                }
            };
            if swept < SWEEP_AT_ONCE {
                break;
            }
            tokio::time::sleep(SWEEP_PAUSE).await;
        }
    }
}
