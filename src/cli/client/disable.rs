//! `countersign client disable` and `client enable`: the registration stays, and has no effect meanwhile.

use serde_json::{Value, json};

use super::{find, in_words};
use crate::cli::context::Context;
use crate::cli::report::Report;
use crate::operations::clients;
use crate::protocol::client::Client;

pub(super) async fn disable(id: &str, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    find(&opened, id, context).await?;
    let done = clients::disable(&opened.operation(context.now()), id).await;
    let (client, changed) = in_words(done, &opened, id, context).await?;
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
    let opened = context.open_existing()?;
    find(&opened, id, context).await?;
    let done = clients::enable(&opened.operation(context.now()), id).await;
    let (client, changed) = in_words(done, &opened, id, context).await?;
    let done = if changed { "is enabled again" } else { "was enabled already" };
    let text = format!("{} ({}) {done}.", client.id, client.metadata.client_name);
    Ok(Report::new(said(&client, false), text))
}

fn said(client: &Client, disabled: bool) -> Value {
    json!({ "client_id": client.id, "client_name": client.metadata.client_name, "disabled": disabled })
}
