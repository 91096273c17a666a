//! Watches whether the state store still holds its data.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::store::facts;

/// How often the store is checked.
const WATCH_EVERY: Duration = Duration::from_secs(5);
/// The fact that keeps the store's mark in the database, for nodes that start later.
const MARK: &str = "state_mark";

/// Warns the operator when Redis has lost everything: people are asked to sign in again, and no error shows
/// it.
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
            // Every request that needs the store logs this already.
            Err(error) => tracing::debug!(%error, "the state store cannot be looked at"),
        }
        tokio::time::sleep(WATCH_EVERY).await;
    }
}

/// Tells whether the store has another mark than the one this node knows or, before its start, another node
/// stored.
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
