//! Ends sessions that have to end and could not be reached at the time.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::operations::{Operation, sessions};
use crate::store;
use crate::store::events::Actor;

/// How often such sessions are looked for.
const END_EVERY: Duration = Duration::from_secs(5);

/// Ends the sessions of people who were disabled or got a new password, where the change itself could not:
/// the process that made it did not reach the state store, or died before.
pub(super) async fn end(app: Arc<App>) {
    loop {
        tokio::time::sleep(END_EVERY).await;
        if let Err(error) = end_due(&app).await {
            tracing::warn!(%error, "the sessions of people who may no longer be signed in are not ended yet");
        }
    }
}

async fn end_due(app: &App) -> Result<(), Box<dyn Error>> {
    for (user_id, since) in store::endings::due(&app.db).await? {
        let op = Operation::new(&app.db, &app.state, Actor::System(Some("sessions")), app.clock.now());
        let ended = sessions::end_all(&op, &user_id).await?;
        store::endings::done(&app.db, &user_id, since).await?;
        tracing::info!(%user_id, ended, "ended the sessions of a person who may no longer be signed in");
    }
    Ok(())
}
