//! `countersign resource update`.

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::described::{Described, Scopes, Values};
use super::{in_words, shown, surroundings};
use crate::cli::context::Context;
use crate::cli::report::{Report, members};
use crate::operations::resources;
use crate::protocol::resource::Resource;

/// The examples below the help.
pub const EXAMPLES: &str = "Examples:
  countersign resource update https://api.example --add-scope orders.write=\"Place orders\"
  countersign resource update https://api.example --lifetime 5m --add-client orders-api
  countersign resource update https://api.example --clear lifetime";

/// The members that can be cleared.
const CLEARED: [&str; 7] = ["name", "clients", "default", "claims", "alg", "lifetime", "accept_long_tokens"];

/// The change. What is not named stays as it is; --scope, --client and --claim replace all there were.
#[derive(Args)]
pub struct Update {
    /// Its identifier
    uri: String,
    /// One more scope, or another text for one; may be repeated
    #[arg(long = "add-scope", value_name = "NAME[=TEXT]")]
    add_scopes: Vec<String>,
    /// One scope less, with its texts; may be repeated
    #[arg(long = "remove-scope", value_name = "NAME")]
    remove_scopes: Vec<String>,
    /// One more client that acts as the API; may be repeated
    #[arg(long = "add-client", value_name = "ID")]
    add_clients: Vec<String>,
    /// One of those less; may be repeated
    #[arg(long = "remove-client", value_name = "ID")]
    remove_clients: Vec<String>,
    /// A member to take away; may be repeated
    #[arg(long, value_name = "MEMBER", value_parser = CLEARED)]
    clear: Vec<String>,
    #[command(flatten)]
    described: Described,
}

/// A change, read.
struct Amendment {
    values: Values,
    add_scopes: Scopes,
    remove_scopes: Vec<String>,
    add_clients: Vec<String>,
    remove_clients: Vec<String>,
    clear: Vec<String>,
}

impl Amendment {
    fn of(update: Update) -> anyhow::Result<Amendment> {
        let values = update.described.values()?;
        let lists = [&update.add_scopes, &update.remove_scopes, &update.add_clients, &update.remove_clients];
        if values.is_empty() && update.clear.is_empty() && lists.iter().all(|list| list.is_empty()) {
            bail!("nothing is to be changed: say what, as in `countersign resource update --help`");
        }
        Ok(Amendment {
            values,
            add_scopes: Scopes::read(&update.add_scopes)?,
            remove_scopes: update.remove_scopes,
            add_clients: update.add_clients,
            remove_clients: update.remove_clients,
            clear: update.clear,
        })
    }

    fn apply(&self, stored: &Resource) -> Resource {
        let mut new = self.cleared(stored.clone());
        new = self.values.over(new);
        self.add_scopes.clone().add_to(&mut new);
        for scope in &self.remove_scopes {
            new.scopes.retain(|own| own != scope);
            let described =
                |name: &str| name == scope || name.rsplit_once('#').is_some_and(|(name, _)| name == scope);
            new.descriptions.retain(|name, _| !described(name));
        }
        new.clients.extend(self.add_clients.iter().cloned());
        new.clients.retain(|client| !self.remove_clients.contains(client));
        new.clients.sort();
        new.clients.dedup();
        new
    }

    fn cleared(&self, mut resource: Resource) -> Resource {
        for member in &self.clear {
            match member.as_str() {
                "name" => resource.name = None,
                "clients" => resource.clients.clear(),
                "default" => resource.default = false,
                "claims" => resource.claims.clear(),
                "alg" => resource.alg = None,
                "lifetime" => resource.lifetime = None,
                _ => resource.accept_long_tokens = false,
            }
        }
        resource
    }
}

/// Changes the resource.
pub async fn run(flags: Update, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    let uri = flags.uri.clone();
    let amendment = Amendment::of(flags)?;
    let edit = move |stored: &Resource| amendment.apply(stored);
    let done = resources::change(&opened.operation(context.now()), &uri, edit, surroundings(&opened)).await;
    let edited = in_words(done, &opened, &uri, context).await?;
    let mut json = shown(&edited.after);
    let text = if edited.members.is_empty() {
        format!("Nothing had to be changed.\n\n{}", members(&json))
    } else {
        let names = edited.members.join(", ");
        format!("Changed {uri}: {names}, live on every node within 5 seconds.\n\n{}", members(&json))
    };
    json.insert("changed".into(), json!(edited.members));
    Ok(Report::new(json.into(), text))
}
