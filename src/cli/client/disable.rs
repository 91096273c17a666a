//! `countersign client disable` and `client enable`: what is registered stays, and is not honoured meanwhile.

use serde_json::{Value, json};

use super::{find, unknown};
use crate::app;
use crate::cli::context::{ACTOR, Context, Opened};
use crate::cli::report::Report;
use crate::protocol::client::Client;
use crate::store::clients;

pub(super) async fn disable(id: &str, context: &Context) -> anyhow::Result<Report> {
    let (opened, client, changed) = set(id, true, context).await?;
    // Repeated where it was disabled before, because this may have failed then. Without the state store every node
    // sees the change a second later.
    if let Ok(state) = app::open_drawers(&opened.config, &opened.db) {
        let _unreachable = state.codes.withdraw(&client.id, context.now()).await;
    }
    let name = &client.metadata.client_name;
    let text = if changed {
        format!(
            "{} ({name}) is disabled. It can start nothing any more within 5 seconds; UserInfo refuses its access \
             tokens, which end by themselves within 10 minutes elsewhere.",
            client.id
        )
    } else {
        format!("{} ({name}) was disabled already.", client.id)
    };
    Ok(Report::new(said(&client, true), text))
}

pub(super) async fn enable(id: &str, context: &Context) -> anyhow::Result<Report> {
    let (opened, client, changed) = set(id, false, context).await?;
    // Where this fails, codes are refused for the rest of the minute after it was disabled.
    if changed && let Ok(state) = app::open_drawers(&opened.config, &opened.db) {
        let _unreachable = state.codes.readmit(&client.id, context.now()).await;
    }
    let done = if changed { "is enabled again" } else { "was enabled already" };
    let text = format!("{} ({}) {done}.", client.id, client.metadata.client_name);
    Ok(Report::new(said(&client, false), text))
}

/// Also tells whether that changed anything.
async fn set(id: &str, disabled: bool, context: &Context) -> anyhow::Result<(Opened, Client, bool)> {
    let opened = context.open_existing()?;
    find(&opened, id, context).await?;
    let changed = clients::set_disabled(&opened.db, id, disabled, ACTOR, context.now()).await?;
    match clients::by_id(&opened.db, id).await? {
        Some(client) => Ok((opened, client, changed)),
        None => Err(unknown(&opened, id, context).await?),
    }
}

fn said(client: &Client, disabled: bool) -> Value {
    json!({ "client_id": client.id, "client_name": client.metadata.client_name, "disabled": disabled })
}
