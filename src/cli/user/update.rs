//! `countersign user update`: login name, address and other claims, without losing the account.

use std::path::PathBuf;

use anyhow::{anyhow, bail};
use clap::Args;
use serde_json::{Map, Value, json};

use super::{find, in_words, shown};
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::report::Report;
use crate::operations::people::{self, Changed, PersonFault};
use crate::protocol::user::Amendment;

/// The change. Claims that are not named stay as they are.
#[derive(Args)]
pub struct Update {
    /// The login name, or the identifier (sub)
    #[arg(value_name = "LOGIN")]
    person: String,
    /// Another name to sign in with
    #[arg(long = "login", value_name = "NEW")]
    new_login: Option<String>,
    /// Their e-mail address, in place of the one there was
    #[arg(long)]
    email: Option<String>,
    /// The address is known to be theirs
    #[arg(long)]
    email_verified: bool,
    /// The address is not known to be theirs
    #[arg(long, conflicts_with = "email_verified")]
    no_email_verified: bool,
    /// Their full name
    #[arg(long)]
    name: Option<String>,
    /// A file with a JSON object of claims that take the place of those there are; null takes one away
    #[arg(long, value_name = "FILE.json")]
    claims: Option<PathBuf>,
    /// A claim to take away; may be repeated
    #[arg(long, value_name = "CLAIM")]
    clear: Vec<String>,
}

impl Update {
    fn amendment(self) -> anyhow::Result<Amendment> {
        let mut set = match &self.claims {
            Some(path) => input::object(path)?,
            None => Map::new(),
        };
        let texts = [("name", self.name), ("email", self.email)];
        for (claim, text) in texts.into_iter().filter_map(|(claim, text)| Some((claim, text?))) {
            // `email_verified` in the file is about the file's address.
            if claim == "email" {
                set.remove("email_verified");
            }
            set.insert(claim.into(), text.trim().into());
        }
        if self.email_verified || self.no_email_verified {
            set.insert("email_verified".into(), self.email_verified.into());
        }
        for claim in self.clear {
            if set.insert(claim.clone(), Value::Null).is_some_and(|other| !other.is_null()) {
                bail!("--clear {claim} and a new value for it exclude each other");
            }
        }
        if set.is_empty() && self.new_login.is_none() {
            bail!("nothing is to be changed: say what, as in `countersign user update --help`");
        }
        Ok(Amendment { login: self.new_login, set })
    }
}

/// Changes the person.
pub async fn run(flags: Update, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    let user = find(&opened, &flags.person, context).await?.user;
    let amendment = flags.amendment()?;
    let done = people::change(&opened.sealing_operation(context.now()), &user, amendment).await;
    let Changed { before, after, members, cleaned } = done.map_err(|fault| match fault {
        PersonFault::Unknown => anyhow!("{} was removed at this moment", user.login),
        PersonFault::NoAddress => {
            anyhow!("--email-verified needs an address, and {} has none: name it with --email", user.login)
        }
        other => other.into(),
    })?;
    let text = if members.is_empty() {
        format!("Nothing had to be changed of {}.\n\n", after.login)
    } else {
        format!("Changed {}: {}. Identifier and sessions stay.\n\n", before.login, members.join(", "))
    };
    let mut json = shown(&after);
    let text = text + &in_words(&json);
    json.insert("changed".into(), json!(members));
    Ok(Report { warnings: cleaned, ..Report::new(Value::Object(json), text) })
}
