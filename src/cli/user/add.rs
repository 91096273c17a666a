//! `countersign user add`.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde_json::{Map, Value};

use super::{in_words, password_in_words, shown};
use crate::cli::context::Context;
use crate::cli::input::{self, NewPassword, new_password};
use crate::cli::report::Report;
use crate::operations::people;

/// A person to add.
#[derive(Args)]
pub struct Add {
    /// The name to sign in with; case does not matter
    login: String,
    /// Their e-mail address; once it is verified, they can sign in with it too
    #[arg(long)]
    email: Option<String>,
    /// The address is known to be theirs
    #[arg(long)]
    email_verified: bool,
    /// Their full name
    #[arg(long)]
    name: Option<String>,
    /// A file with a JSON object of further claims
    #[arg(long, value_name = "FILE.json")]
    claims: Option<PathBuf>,
    /// Read the password from standard input, one line
    #[arg(long)]
    password_stdin: bool,
}

/// Adds the person.
pub async fn run(flags: Add, context: &Context) -> anyhow::Result<Report> {
    let claims = claims(&flags)?;
    let person = people::describe(flags.login, claims)?;
    let warnings = person.cleaned.clone();
    let NewPassword { hash, made } = new_password(flags.password_stdin)?;
    let opened = context.open()?;
    let user = people::add(&opened.sealing_operation(context.now()), person, hash).await?;
    let mut json = shown(&user);
    let mut text = format!("Added {}.\n\n{}", user.login, in_words(&json));
    if let Some(made) = made {
        text.push_str(&password_in_words(&made));
        json.insert("password".into(), made.as_str().into());
    }
    if opened.is_new {
        text += &context.of_a_new_one(&opened.config);
    }
    Ok(Report { warnings, ..Report::new(Value::Object(json), text) })
}

/// The claims of the file, overridden by the flags.
fn claims(flags: &Add) -> anyhow::Result<Map<String, Value>> {
    let mut claims = match &flags.claims {
        Some(path) => input::object(path)?,
        None => Map::new(),
    };
    if let Some(name) = &flags.name {
        claims.insert("name".into(), name.trim().into());
    }
    if let Some(email) = &flags.email {
        claims.insert("email".into(), email.as_str().into());
        // `email_verified` in the file is about the file's address.
        claims.insert("email_verified".into(), false.into());
    }
    if flags.email_verified && !claims.contains_key("email") {
        bail!("--email-verified needs --email");
    }
    if flags.email_verified {
        claims.insert("email_verified".into(), true.into());
    } else if claims.contains_key("email") && !claims.contains_key("email_verified") {
        claims.insert("email_verified".into(), false.into());
    }
    Ok(claims)
}
