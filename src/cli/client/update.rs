//! `countersign client update`: every member of an application's metadata, without losing secret or consents.

use anyhow::{anyhow, bail};
use clap::Args;
use serde_json::{Value, json};

use super::described::Described;
use super::{find, lines, shown_once};
use crate::cli::algorithms;
use crate::cli::context::Context;
use crate::cli::report::Report;
use crate::operations::clients::{self, Changed, ClientFault};
use crate::protocol::client::Client;
use crate::protocol::registration::{Amendment, is_kept, response};
use crate::secret::Token;
use crate::store::signing_keys;

/// The examples below the help.
pub const EXAMPLES: &str = "Examples:
  countersign client update ID --add-redirect-uri https://app.example/callback
  countersign client update ID --name \"New name\" --scope \"openid email\" --clear logo_uri
  countersign client update ID --public
  countersign client update ID --metadata changes.json";

/// The change. Members that are not named stay as they are.
#[derive(Args)]
pub struct Update {
    /// Its client id
    #[arg(allow_hyphen_values = true)]
    id: String,
    /// What people know the application as
    #[arg(long)]
    name: Option<String>,
    /// Where people may be sent back to with a code, in place of all there were; may be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// One more address to send people back to with a code; may be repeated
    #[arg(long = "add-redirect-uri", value_name = "URI")]
    add_redirect_uris: Vec<String>,
    /// One address less; may be repeated
    #[arg(long = "remove-redirect-uri", value_name = "URI")]
    remove_redirect_uris: Vec<String>,
    /// One more address to send people back to after signing out; may be repeated
    #[arg(long = "add-post-logout-redirect-uri", value_name = "URI")]
    add_post_logout_redirect_uris: Vec<String>,
    /// One of those less; may be repeated
    #[arg(long = "remove-post-logout-redirect-uri", value_name = "URI")]
    remove_post_logout_redirect_uris: Vec<String>,
    /// Runs on a server or in a browser: no longer native
    #[arg(long, conflicts_with = "native")]
    web: bool,
    /// Not one of your own: people are asked for consent
    #[arg(long, conflicts_with = "first_party")]
    third_party: bool,
    /// Refuse requests without PKCE
    #[arg(long, conflicts_with = "no_require_pkce")]
    require_pkce: bool,
    #[arg(
        long,
        value_name = "MEMBER",
        help = "A member to take away, by its registered name, such as logo_uri or client_name#de; may be repeated"
    )]
    clear: Vec<String>,
    #[command(flatten)]
    described: Described,
}

impl Update {
    fn amendment(self) -> anyhow::Result<Amendment> {
        let mut set = self.described.members(self.name, self.redirect_uris)?;
        if self.web {
            set.insert("application_type".into(), "web".into());
        }
        if self.third_party {
            set.insert("first_party".into(), false.into());
        }
        if self.require_pkce {
            set.insert("require_pkce".into(), true.into());
        }
        for name in self.clear {
            if !is_kept(&name) {
                bail!("--clear {name}: there is no member of this name; `client show` lists those there are");
            }
            if set.insert(name.clone(), Value::Null).is_some_and(|other| !other.is_null()) {
                bail!("--clear {name} and a new value for it exclude each other");
            }
        }
        let named = |name: &'static str, values: Vec<String>| values.into_iter().map(move |uri| (name, uri));
        let (with_code, signed_out) = ("redirect_uris", "post_logout_redirect_uris");
        let add = named(with_code, self.add_redirect_uris)
            .chain(named(signed_out, self.add_post_logout_redirect_uris));
        let remove = named(with_code, self.remove_redirect_uris)
            .chain(named(signed_out, self.remove_post_logout_redirect_uris));
        let amendment = Amendment { set, add: add.collect(), remove: remove.collect() };
        if amendment.set.is_empty() && amendment.add.is_empty() && amendment.remove.is_empty() {
            bail!("nothing is to be changed: say what, as in `countersign client update --help`");
        }
        Ok(amendment)
    }
}

/// Changes the client.
pub async fn run(flags: Update, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    let id = find(&opened, &flags.id, context).await?.id;
    let (amendment, offered) = (flags.amendment()?, opened.offered().await?);
    let op = opened.operation(context.now());
    let done = clients::change(&op, &id, &amendment, &offered).await;
    let Changed { before, after, members, made, ignored } = done.map_err(|fault| match fault {
        ClientFault::Unknown => anyhow!("client {id} was removed at this moment"),
        other => other.into(),
    })?;
    clients::offer_lifetimes(&op, &after.metadata, &opened.config.keys).await?;
    let mut json = response(&after, made.as_ref().map(Token::expose));
    let is_fresh = made.is_some();
    let secret = said_of_secret(&before, &after, is_fresh);
    let once = if is_fresh { shown_once(&after) } else { String::new() };
    let what = match (members.is_empty(), secret) {
        (true, None) => "Nothing had to be changed".to_owned(),
        (true, Some(secret)) => format!("Changed {}: {secret}", after.metadata.client_name),
        (false, secret) => {
            let names = members.join(", ");
            let secret = secret.map(|secret| format!("; {secret}")).unwrap_or_default();
            format!("Changed {}: {names}{secret}", after.metadata.client_name)
        }
    };
    let live =
        if members.is_empty() && secret.is_none() { "" } else { ", live on every node within 5 seconds" };
    let text = format!("{what}{live}.\n\n{}{once}", lines(&json));
    json.insert("changed".into(), json!(members));
    let mut warnings = ignored;
    if before.sector() != after.sector() {
        warnings
            .push("the application knows its people by other subs from now on: to it they are new".into());
    }
    let keys = opened.db.read(signing_keys::list).await?;
    let alg = after.metadata.id_token_signed_response_alg.signing();
    let fate = alg.and_then(|alg| algorithms::fate(&keys, &opened.config.keys, alg));
    warnings.extend(fate.map(|(fate, _)| fate));
    Ok(Report { warnings, ..Report::new(Value::Object(json), text) })
}

fn said_of_secret(before: &Client, after: &Client, is_fresh: bool) -> Option<&'static str> {
    let (old, new) = (before.secrets.newest(), after.secrets.newest());
    match (old, new) {
        (Some(_), None) if after.is_public() => Some("it is public now, and its client_secret is gone"),
        (Some(_), None) => Some("it signs with a key of its own now, and its client_secret is gone"),
        (None, Some(_)) if is_fresh => Some("it is confidential now, and has a client_secret"),
        (None, Some(_)) => Some("it is confidential now, and has the client_secret that was given"),
        (Some(old), Some(new)) if old.number == new.number => None,
        (Some(_), Some(_)) if is_fresh => Some("it has a new client_secret, and the old one ends"),
        (Some(_), Some(_)) => Some("it has the client_secret that was given"),
        (None, None) => None,
    }
}
