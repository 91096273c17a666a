//! `countersign client`: the applications people sign in to.

use anyhow::anyhow;
use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::context::{Context, Opened};
use super::report::{Report, members, rfc3339, table};
use super::words::nearest;
use crate::operations;
use crate::operations::clients::{ClientFault, Switched};
use crate::protocol::client::Client;
use crate::protocol::registration::response;
use crate::store::clients;

mod add; // the word that registers one
mod debug; // the recent failures of one application
mod described; // the flags that describe one
mod disable; // the words that disable one and enable it again
mod secrets; // a new secret, and those there are
mod update; // the word that changes one

/// The text below a new secret.
const SHOWN_ONCE: &str =
    "\nThe client_secret is shown this once and never again: store it with the application now.\n";

/// The text below a new secret of this client.
fn shown_once(client: &Client) -> String {
    let kept = if client.metadata.needs_secret_back() {
        "It is kept here under the instance key, and not only as a hash, because MACs are made with it.\n"
    } else {
        ""
    };
    format!("{SHOWN_ONCE}{kept}")
}

/// The words of `client`.
#[derive(Subcommand)]
pub enum Word {
    /// Register an application; its secret is shown once
    #[command(after_help = add::EXAMPLES)]
    Add(Box<add::Add>),
    /// List all applications
    #[command(after_help = "Example:\n  countersign client list --json")]
    List,
    /// Show one application
    #[command(after_help = "Example:\n  countersign client show ID")]
    Show {
        /// Its client id
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Remove an application and every consent given to it, without asking back
    #[command(after_help = "Example:\n  countersign client remove ID")]
    Remove {
        /// Its client id
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Let an application do nothing any more; what is registered of it, and every consent given to it, stays
    #[command(after_help = "Example:\n  countersign client disable ID")]
    Disable {
        /// Its client id
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Let a disabled application go on
    #[command(after_help = "Example:\n  countersign client enable ID")]
    Enable {
        /// Its client id
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Change what is registered of an application; its secret and every consent given to it stay
    #[command(after_help = update::EXAMPLES)]
    Update(Box<update::Update>),
    /// Show what went wrong for an application lately, why, and what would mend it
    #[command(
        after_help = "Examples:\n  countersign client debug ID\n  countersign client debug ID --follow"
    )]
    Debug {
        /// Its client id
        #[arg(allow_hyphen_values = true)]
        id: String,
        /// Go on showing failures as they happen
        #[arg(long)]
        follow: bool,
    },
    /// Give an application a new secret; the old one works for another day
    #[command(after_help = secrets::EXAMPLES)]
    RotateSecret(secrets::Rotate),
}

/// Carries out one of the words.
pub async fn run(word: Word, context: &Context) -> anyhow::Result<Report> {
    match word {
        Word::Add(flags) => add::run(*flags, context).await,
        Word::Update(flags) => update::run(*flags, context).await,
        Word::List => list(context).await,
        Word::Show { id } => {
            let opened = context.open_existing()?;
            let client = find(&opened, &id, context).await?;
            let mut json = response(&client, None);
            let text = lines(&json) + &secrets::page(&client, context.now());
            json.insert("secrets".into(), secrets::program(&client, context.now()));
            Ok(Report::new(Value::Object(json), text))
        }
        Word::Remove { id } => remove(&id, context).await,
        Word::Disable { id } => disable::disable(&id, context).await,
        Word::Enable { id } => disable::enable(&id, context).await,
        Word::Debug { id, follow } => debug::run(&id, follow, context).await,
        Word::RotateSecret(flags) => secrets::rotate(flags, context).await,
    }
}

async fn list(context: &Context) -> anyhow::Result<Report> {
    let known = match context.open_if_there()? {
        Some(opened) => clients::list(&opened.db).await?,
        None => vec![],
    };
    let rows: Vec<[String; 5]> = known
        .iter()
        .map(|client| {
            let metadata = &client.metadata;
            let kind = if client.is_public() { "public" } else { "confidential" };
            let first = metadata.redirect_uris.first().map(ToString::to_string).unwrap_or_default();
            let more = match metadata.redirect_uris.len() {
                0 | 1 => String::new(),
                several => format!(" and {} more", several - 1),
            };
            let state = if client.disabled { "disabled" } else { "enabled" };
            [client.id.clone(), metadata.client_name.clone(), kind.into(), state.into(), first + &more]
        })
        .collect();
    let text = if rows.is_empty() {
        format!(
            "There are no clients yet. Register one with:\n  countersign client add{} --name NAME --redirect-uri URI",
            context.same_config()
        )
    } else {
        table(["CLIENT_ID", "NAME", "TYPE", "STATE", "REDIRECT_URI"], &rows)
    };
    Ok(Report::new(known.iter().map(|client| Value::Object(response(client, None))).collect(), text))
}

async fn remove(id: &str, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    let removed = operations::clients::remove(&opened.operation(context.now()), id).await;
    let Switched { client, not_told, .. } = in_words(removed, &opened, id, context).await?;
    let name = &client.metadata.client_name;
    let json = json!({ "removed": true, "client_id": client.id, "client_name": name });
    let text = format!(
        "Removed client {} ({name}) and every consent given to it. It can start nothing any more within 5 seconds; \
         access tokens it holds end by themselves within {}.",
        client.id,
        opened.longest_token()?
    );
    let warnings = not_told.map(disable::not_withdrawn).into_iter().collect();
    Ok(Report { warnings, ..Report::new(json, text) })
}

/// A registration response as text, without the expiry of a secret that never expires.
fn lines(shown: &Map<String, Value>) -> String {
    let mut shown = shown.clone();
    if let Some(at) = shown.remove("client_secret_expires_at").and_then(|at| at.as_i64()).filter(|at| *at > 0)
    {
        shown.insert("client_secret_expires_at".into(), rfc3339(at).into());
    }
    members(&shown)
}

async fn find(opened: &Opened, id: &str, context: &Context) -> anyhow::Result<Client> {
    match clients::by_id(&opened.db, id).await? {
        Some(client) => Ok(client),
        None => Err(unknown(opened, id, context).await?),
    }
}

/// The result of an operation, with the error for an unknown client in words.
async fn in_words<T>(
    done: Result<T, ClientFault>,
    opened: &Opened,
    id: &str,
    context: &Context,
) -> anyhow::Result<T> {
    match done {
        Ok(done) => Ok(done),
        Err(ClientFault::Unknown) => Err(unknown(opened, id, context).await?),
        Err(other) => Err(other.into()),
    }
}

/// The error for an unknown client, with the one that may have been meant.
async fn unknown(opened: &Opened, id: &str, context: &Context) -> anyhow::Result<anyhow::Error> {
    let known = clients::list(&opened.db).await?;
    let by_name = known.iter().find(|client| client.metadata.client_name.to_lowercase() == id.to_lowercase());
    let near = by_name.map(|client| client.id.as_str());
    let near = near.or_else(|| nearest(id, known.iter().map(|client| client.id.as_str())));
    let looked_in = context.looked_in(opened);
    Ok(match near {
        Some(near) => anyhow!("there is no client {id:?}; did you mean {near}?"),
        None if known.is_empty() => anyhow!("there is no client {id:?}, and no other ({looked_in})"),
        None => anyhow!(
            "there is no client {id:?}; `countersign client list` shows those there are ({looked_in})"
        ),
    })
}
