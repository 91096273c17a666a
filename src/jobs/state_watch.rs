//! Sees whether the state store still holds what it held.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::store::facts;

/// How often it is looked whether the state store still holds what it held.
const WATCH_EVERY: Duration = Duration::from_secs(5);
/// The fact under which its mark is kept, for when the nodes begin again as well.
const MARK: &str = "state_mark";

/// Tells the operator when Redis has forgotten everything: people are asked to sign in again, which looks
/// like no failure at all from here.
pub(super) async fn watch(app: Arc<App>) {
    let mut known = None;
    loop {
        match has_been_emptied(&app, &mut known).await {
            Ok(false) => (),
            Ok(true) => tracing::error!(
                "the state store has been emptied: everybody has to sign in again, and what was under way is \
                 begun anew; Redis keeps what it holds over a restart with appendonly yes, and must evict \
                 nothing (maxmemory-policy noeviction)"
            ),
            // Every request that needs it says so already.
            Err(error) => tracing::debug!(%error, "the state store cannot be looked at"),
        }
        tokio::time::sleep(WATCH_EVERY).await;
    }
}

/// Tells whether the store has another mark than this node, or before it began any other, has seen.
async fn has_been_emptied(app: &App, known: &mut Option<String>) -> Result<bool, Box<dyn Error>> {
    let mark = app.state.mark.read(app.clock.now()).await?;
    if known.as_ref() == Some(&mark) {
        return Ok(false);
    }
    let seen = mark.clone();
    let recorded = app
        .db
        .write(move |conn| {
            let recorded = facts::get(conn, MARK)?;
            if recorded.as_ref() != Some(&seen) {
                facts::set(conn, MARK, &seen)?;
            }
            Ok(recorded)
        })
        .await?;
    let before = known.replace(mark.clone()).or(recorded);
    Ok(before.is_some_and(|before| before != mark))
}
