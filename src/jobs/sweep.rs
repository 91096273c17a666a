//! Deletes what has expired.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::metrics::Sweeps;
use crate::app::App;
use crate::db::DbError;
use crate::store;
use crate::store::events::{self, Swept};

/// How often expired rows and values are deleted.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How many one step deletes at most.
const SWEEP_AT_ONCE: usize = 500;
/// The pause between two steps, in which others can write.
const SWEEP_PAUSE: Duration = Duration::from_millis(100);

/// Deletes expired rows and values, for as long as the process lives: in small steps, so that no other writer
/// waits for long, and again until none is left.
pub(super) async fn sweep(app: Arc<App>) {
    let (mut events, sweeps) = (Swept::default(), Sweeps::new(&app.registry));
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let now = app.clock.now();
        loop {
            let swept = match (app.kv.sweep(now).await, sweep_rows(&app, &mut events, now).await) {
                (Ok(values), Ok((rows, most))) => {
                    sweeps.swept(values, rows, now);
                    values.max(most)
                }
                (values, rows) => {
                    let errors = [values.err().map(|e| e.to_string()), rows.err().map(|e| e.to_string())];
                    tracing::warn!(?errors, "sweeping failed");
                    sweeps.failed();
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

/// Deletes expired rows of the main store; returns how many, and how many of one kind at most.
async fn sweep_rows(app: &App, swept: &mut Swept, now: OffsetDateTime) -> Result<(usize, usize), DbError> {
    let remembered = app.keys.revocation_remembered(&app.db).await?;
    let grants = store::grants::sweep(&app.db, remembered, now).await?;
    let events = events::sweep(&app.db, &app.config.keep_events, swept, now).await?;
    Ok((grants + events, grants.max(events)))
}
