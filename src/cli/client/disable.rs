//! `countersign client disable` and `client enable`: the registration stays, and has no effect meanwhile.

use anyhow::anyhow;
use serde_json::{Value, json};

use super::{find, in_words};
use crate::cli::context::Context;
use crate::cli::report::Report;
use crate::operations::StateFault;
use crate::operations::clients::{self, Switched};
use crate::protocol::client::Client;

pub(super) async fn disable(id: &str, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    find(&opened, id, context).await?;
    let done = clients::disable(&opened.operation(context.now()), id).await;
    let Switched { client, changed, not_told } = in_words(done, &opened, id, context).await?;
    let name = &client.metadata.client_name;
    let text = if changed {
        format!(
            "{} ({name}) is disabled. It can start nothing any more within 5 seconds; UserInfo refuses its access \
             tokens, which end by themselves within {} elsewhere.",
            client.id,
            opened.longest_token()?
        )
    } else {
        format!("{} ({name}) was disabled already.", client.id)
    };
    let warnings = not_told.map(not_withdrawn).into_iter().collect();
    Ok(Report { warnings, ..Report::new(said(&client, true), text) })
}

pub(super) async fn enable(id: &str, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    find(&opened, id, context).await?;
    let done = clients::enable(&opened.operation(context.now()), id).await;
    let Switched { client, changed, not_told } = in_words(done, &opened, id, context).await?;
    let done = if changed { "is enabled again" } else { "was enabled already" };
    let text = format!("{} ({}) {done}.", client.id, client.metadata.client_name);
    let warnings = not_told.map(not_readmitted).into_iter().collect();
    Ok(Report { warnings, ..Report::new(said(&client, false), text) })
}

/// The warning that the state store was not told of a client that was disabled or removed.
pub(super) fn not_withdrawn(error: StateFault) -> String {
    format!(
        "the change is stored, but the application's codes were not withdrawn: {:#}; a running server may redeem them \
         for up to 5 seconds, until it has seen the change by itself",
        anyhow!(error)
    )
}

fn not_readmitted(error: StateFault) -> String {
    format!(
        "the change is stored, but the application's codes were not admitted again: {:#}; they are refused for up to a \
         minute after it was disabled: wait, or disable and enable it again when the state store can be reached",
        anyhow!(error)
    )
}

fn said(client: &Client, disabled: bool) -> Value {
    json!({ "client_id": client.id, "client_name": client.metadata.client_name, "disabled": disabled })
}
