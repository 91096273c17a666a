//! `countersign user`: the people who sign in.

mod add; // the word that adds one
mod update; // the word that changes one

use std::collections::BTreeMap;

use anyhow::anyhow;
use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::context::{Context, Opened};
use super::input::{NewPassword, new_password};
use super::last_sign_in;
use super::report::{Report, members, table};
use super::words::nearest;
use crate::operations::people::{self, PersonFault};
use crate::protocol::user::User;
use crate::store::users::{self, WithPassword};

/// The words of `user`.
#[derive(Subcommand)]
pub enum Word {
    /// Add a person; at a terminal a password is made up and shown once
    #[command(after_help = "Examples:
  countersign user add ada --email ada@example.com --name \"Ada Lovelace\"
  printf '%s' \"$PASSWORD\" | countersign user add ada --password-stdin")]
    Add(add::Add),
    /// Change the login name, the address or other claims of a person; identifier and sessions stay
    #[command(after_help = "Examples:
  countersign user update ada --login ada.lovelace
  countersign user update ada --email ada@example.com --email-verified
  countersign user update ada --name \"Ada Lovelace\" --clear nickname")]
    Update(update::Update),
    /// List all people
    #[command(after_help = "Example:\n  countersign user list --json")]
    List,
    /// Show one person
    #[command(after_help = "Example:\n  countersign user show ada")]
    Show {
        /// The login name
        login: String,
    },
    /// Let a person sign in no more, and end their sessions
    #[command(after_help = "Example:\n  countersign user disable ada")]
    Disable {
        /// The login name
        login: String,
    },
    /// Let a disabled person sign in again
    #[command(after_help = "Example:\n  countersign user enable ada")]
    Enable {
        /// The login name
        login: String,
    },
    /// Replace a person's password, and end their sessions
    #[command(after_help = "Examples:
  countersign user set-password ada
  printf '%s' \"$PASSWORD\" | countersign user set-password ada --password-stdin")]
    SetPassword {
        /// The login name
        login: String,
        /// Read the password from standard input, one line
        #[arg(long)]
        password_stdin: bool,
    },
}

/// Carries out one of the words.
pub async fn run(word: Word, context: &Context) -> anyhow::Result<Report> {
    match word {
        Word::Add(flags) => add::run(flags, context).await,
        Word::Update(flags) => update::run(flags, context).await,
        Word::List => list(context).await,
        Word::Show { login } => {
            let opened = context.open_existing()?;
            let found = find(&opened, &login, context).await?;
            let mut json = shown(&found.user);
            json.insert("has_password".into(), found.password_hash.is_some().into());
            let last = last_sign_in::of(&opened.db, std::slice::from_ref(&found.user)).await?;
            json.insert(last_sign_in::MEMBER.into(), last_sign_in::in_json(last.get(&found.user.id)));
            let text = in_words(&json);
            Ok(Report::new(Value::Object(json), text))
        }
        Word::Disable { login } => disable(&login, context).await,
        Word::Enable { login } => enable(&login, context).await,
        Word::SetPassword { login, password_stdin } => set_password(&login, password_stdin, context).await,
    }
}

async fn list(context: &Context) -> anyhow::Result<Report> {
    let (known, last) = match context.open_if_there()? {
        Some(opened) => {
            let known = users::list(&opened.db).await?;
            let last = last_sign_in::of(&opened.db, &known).await?;
            (known, last)
        }
        None => (vec![], BTreeMap::new()),
    };
    let last = |user: &User| last_sign_in::in_json(last.get(&user.id));
    let rows: Vec<[String; 5]> = known
        .iter()
        .map(|user| {
            let claim =
                |name: &str| user.claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let state = if user.disabled { "disabled" } else { "enabled" };
            [
                user.login.clone(),
                claim("name"),
                claim("email"),
                state.into(),
                last_sign_in::in_words(&last(user)),
            ]
        })
        .collect();
    let text = if rows.is_empty() {
        format!(
            "There is nobody yet. Add a person with:\n  countersign user add{} LOGIN",
            context.same_config()
        )
    } else {
        table(["LOGIN", "NAME", "EMAIL", "STATE", "LAST SIGN-IN"], &rows)
    };
    let json = known.iter().map(|user| {
        let mut shown = shown(user);
        shown.insert(last_sign_in::MEMBER.into(), last(user));
        Value::Object(shown)
    });
    Ok(Report::new(json.collect(), text))
}

async fn disable(login: &str, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    let user = find(&opened, login, context).await?.user;
    let ended = people::disable(&opened.operation(context.now()), &user).await;
    let ended = ended.map_err(|fault| in_words_of(fault, &user))?;
    let done = if user.disabled { "was disabled already" } else { "is disabled" };
    let json = json!({ "login": user.login, "sub": user.id, "disabled": true, "sessions_ended": ended });
    Ok(Report::new(json, format!("{} {done}; {}.", user.login, sessions_in_words(ended))))
}

async fn enable(login: &str, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    let user = find(&opened, login, context).await?.user;
    let enabled = people::enable(&opened.operation(context.now()), &user).await;
    enabled.map_err(|fault| in_words_of(fault, &user))?;
    let done = if user.disabled { "can sign in again" } else { "was enabled already" };
    let json = json!({ "login": user.login, "sub": user.id, "disabled": false });
    Ok(Report::new(json, format!("{} {done}.", user.login)))
}

async fn set_password(login: &str, from_stdin: bool, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    let user = find(&opened, login, context).await?.user;
    let NewPassword { hash, made } = new_password(from_stdin)?;
    let ended = people::set_password(&opened.operation(context.now()), &user, hash).await;
    let ended = ended.map_err(|fault| in_words_of(fault, &user))?;
    let mut json = json!({ "login": user.login, "sub": user.id, "sessions_ended": ended });
    let mut text = format!("{} has a new password; {}.\n", user.login, sessions_in_words(ended));
    if let Some(made) = made {
        text.push_str(&password_in_words(&made));
        if let Value::Object(members) = &mut json {
            members.insert("password".into(), made.as_str().into());
        }
    }
    Ok(Report::new(json, text))
}

/// The error for a failed operation, in words.
fn in_words_of(fault: PersonFault, user: &User) -> anyhow::Error {
    match fault {
        PersonFault::Unknown => anyhow!("{} was removed at this moment", user.login),
        PersonFault::SessionsNotEnded(error) => anyhow!(
            "the change to {} is stored, but their sessions were not ended: {:#}; a running server ends them as soon \
             as it can, or run it again",
            user.login,
            anyhow!(error)
        ),
        other => other.into(),
    }
}

fn sessions_in_words(ended: usize) -> String {
    match ended {
        0 => "there was no session to end".into(),
        1 => "1 session was ended".into(),
        several => format!("{several} sessions were ended"),
    }
}

fn password_in_words(made: &str) -> String {
    format!(
        "\n  password  {made}\n\nThis password was made up just now and is shown this once: hand it over safely.\n"
    )
}

fn shown(user: &User) -> Map<String, Value> {
    let members = [
        ("sub", json!(user.id)),
        ("login", json!(user.login)),
        ("disabled", json!(user.disabled)),
        ("claims", Value::Object(user.claims.clone())),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// As text, with each claim on a line of its own.
fn in_words(shown: &Map<String, Value>) -> String {
    let mut flat = shown.clone();
    if let Some(Value::Object(claims)) = flat.remove("claims") {
        flat.extend(claims);
    }
    if let Some(last) = flat.get_mut(last_sign_in::MEMBER) {
        *last = last_sign_in::in_words(last).into();
    }
    members(&flat)
}

/// Finds a person by login name, else by identifier.
async fn find(opened: &Opened, login: &str, context: &Context) -> anyhow::Result<WithPassword> {
    let db = &opened.db;
    if let Some(found) = users::named(db, login).await? {
        return Ok(found);
    }
    let known = users::list(db).await?;
    Err(match nearest(login.trim(), known.iter().map(|user| user.login.as_str())) {
        Some(near) => anyhow!("there is no person with the login name {login:?}; did you mean {near:?}?"),
        None => {
            anyhow!("there is no person with the login name {login:?} ({})", context.looked_in(opened))
        }
    })
}
