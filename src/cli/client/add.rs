//! `countersign client add`.

use anyhow::anyhow;
use clap::Args;
use serde_json::Value;

use super::described::Described;
use super::secrets::Life;
use super::{lines, shown_once};
use crate::cli::algorithms;
use crate::cli::context::{Context, discovery};
use crate::cli::report::Report;
use crate::operations::clients::{self, ClientFault, Registered};
use crate::protocol::registration;
use crate::store::{signing_keys, users};

/// The examples below the help.
pub const EXAMPLES: &str = "Examples:
  countersign client add --name \"My app\" --redirect-uri http://localhost:3000/callback
  countersign client add --name \"My phone app\" --native --public --redirect-uri com.example.app:/callback
  countersign client add --name \"My job\" --grant-type client_credentials --scope orders.read
  countersign client add --metadata client.json --json";

/// An application to register.
#[derive(Args)]
pub struct Add {
    /// What people know the application as
    #[arg(long, required_unless_present = "metadata")]
    name: Option<String>,
    /// Where people may be sent back to with a code; may be repeated
    #[arg(
        long = "redirect-uri",
        value_name = "URI",
        required_unless_present_any = ["metadata", "grant_types"]
    )]
    redirect_uris: Vec<String>,
    #[arg(
        long,
        value_name = "CLIENT_ID",
        help = "Its client_id, for an application that has one already [default: a random one]"
    )]
    id: Option<String>,
    #[command(flatten)]
    life: Life,
    #[command(flatten)]
    described: Described,
}

/// Registers the client.
pub async fn run(flags: Add, context: &Context) -> anyhow::Result<Report> {
    let mut members = flags.described.members(flags.name, flags.redirect_uris)?;
    members.extend(flags.id.map(|id| ("client_id".to_owned(), id.into())));
    // A mistake makes no database.
    let offered = match context.open_if_there()? {
        Some(opened) => opened.offered().await?,
        None => context.config().map(|config| config.offered(&config.resources))?,
    };
    let mut registration = registration::read(members, &offered)?;
    registration.secret_lasts = flags.life.read()?;
    let ignored = registration.ignored.clone();
    let opened = context.open()?;
    let op = opened.operation(context.now());
    clients::offer_lifetimes(&op, &registration.metadata, &opened.config.keys).await?;
    let registered = clients::register(&op, registration).await;
    let Registered { client, secret } = registered.map_err(|fault| match fault {
        ClientFault::Taken(id) => anyhow!(
            "there is a client {id} already; change it (countersign client update {id}), or leave client_id out to \
             get a new one"
        ),
        other => other.into(),
    })?;
    let json = registration::response(&client, secret.as_ref().map(|secret| secret.as_str()));
    let (once, its_secret) = match secret {
        None => (String::new(), ""),
        Some(_) => (shown_once(&client), ", its client_secret"),
    };
    let mut text = format!(
        "Registered {}.\n\n{}{once}\nGive the application its client_id{its_secret} and this discovery address:\n  {}\n",
        client.metadata.client_name,
        lines(&json),
        discovery(&opened.config.issuer)
    );
    if !users::any(&opened.db).await? {
        text += "There is nobody to sign in yet. Add a person with:\n  countersign user add";
        text += &context.same_config();
        text += " LOGIN\n";
    }
    if opened.is_new {
        text += &context.of_a_new_one(&opened.config);
    }
    let mut warnings = ignored;
    let keys = opened.db.read(signing_keys::list).await?;
    let alg = client.metadata.id_token_signed_response_alg.signing();
    if let Some((fate, _)) = alg.and_then(|alg| algorithms::fate(&keys, &opened.config.keys, alg)) {
        warnings.push(fate);
    }
    Ok(Report { warnings, ..Report::new(Value::Object(json), text) })
}
