//! `countersign grant`: the access that applications keep, one grant for each refresh token.

use std::collections::BTreeMap;

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::context::{Context, Opened};
use super::report::{Report, members, rfc3339, table};
use crate::db::Db;
use crate::ids::GrantId;
use crate::operations;
use crate::protocol::refresh::Ended;
use crate::protocol::revoked::Why;
use crate::store::grants::{self, Listed, Wanted};
use crate::store::users;

/// The words of `grant`.
#[derive(Subcommand)]
pub enum Word {
    /// List the access that applications keep by refresh tokens: the newest first
    #[command(after_help = "Examples:
  countersign grant list --person ada
  countersign grant list --client ID --json")]
    List(List),
    /// Show one grant
    #[command(after_help = "Example:\n  countersign grant show GRANT_ID")]
    Show {
        /// Its identifier, as `grant list` shows it
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Take one grant back: its refresh token ends at once, and so do its access tokens where they are checked live
    #[command(after_help = "Example:\n  countersign grant revoke GRANT_ID")]
    Revoke {
        /// Its identifier, as `grant list` shows it
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
}

/// Which grants to list.
#[derive(Args)]
pub struct List {
    /// Only those of this person
    #[arg(long, value_name = "LOGIN")]
    person: Option<String>,
    /// Only those of this application
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

/// Carries out one of the words.
pub async fn run(word: Word, context: &Context) -> anyhow::Result<Report> {
    match word {
        Word::List(flags) => list(flags, context).await,
        Word::Show { id } => {
            let opened = context.open_existing()?;
            let found = find(&opened, &id, context).await?;
            let json = shown(&found, &logins(&opened.db, std::slice::from_ref(&found)).await?, context.now());
            let text = members(&json);
            Ok(Report::new(Value::Object(json), text))
        }
        Word::Revoke { id } => revoke(&id, context).await,
    }
}

async fn list(flags: List, context: &Context) -> anyhow::Result<Report> {
    let Some(opened) = context.open_if_there()? else {
        return Ok(Report::new(Value::Array(vec![]), "There are no grants yet.\n".into()));
    };
    let person = match &flags.person {
        None => None,
        Some(login) => match users::named(&opened.db, login).await? {
            Some(found) => Some(found.user.id),
            None => bail!("there is no person with the login name {login:?}"),
        },
    };
    let wanted = Wanted { person, client: flags.client, most: i64::from(flags.limit) };
    let found = grants::list(&opened.db, wanted).await?;
    let (logins, now) = (logins(&opened.db, &found).await?, context.now());
    let rows: Vec<[String; 7]> = found
        .iter()
        .map(|grant| {
            let person = &grant.terms.grant.person.user_id;
            let person = logins.get(person).unwrap_or(person).clone();
            let (id, client) = (grant.id.to_string(), grant.client_id.clone());
            let used = ago(now - grant.facts.last_used());
            [id, person, client, kind(grant).into(), state(grant, now), used, ends(grant, now)]
        })
        .collect();
    let text = if rows.is_empty() {
        "There are no such grants.\n".into()
    } else {
        table(["GRANT_ID", "PERSON", "CLIENT_ID", "KIND", "STATE", "LAST_USED", "ENDS"], &rows)
    };
    let json = found.iter().map(|grant| Value::Object(shown(grant, &logins, now))).collect();
    Ok(Report::new(json, text))
}

async fn revoke(id: &str, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    let found = find(&opened, id, context).await?;
    let op = opened.operation(context.now());
    let revoked = operations::grants::revoke(&op, found.id, Why::ByOperator).await?;
    let text = if revoked {
        format!(
            "Revoked grant {id}. Its refresh token has ended, and UserInfo refuses its access tokens, which \
             services that check tokens by themselves accept until they expire."
        )
    } else {
        format!("Grant {id} was revoked already.")
    };
    Ok(Report::new(json!({ "grant_id": id, "revoked": revoked }), text))
}

async fn find(opened: &Opened, id: &str, context: &Context) -> anyhow::Result<Listed> {
    let found = match GrantId::parse(id) {
        Some(id) => grants::by_id(&opened.db, id).await?,
        None => None,
    };
    let unknown = || {
        let looked_in = context.looked_in(opened);
        anyhow!("there is no grant {id:?}; `countersign grant list` shows those there are ({looked_in})")
    };
    found.ok_or_else(unknown)
}

/// The login names of the people of these grants.
async fn logins(db: &Db, found: &[Listed]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut ids: Vec<String> = found.iter().map(|grant| grant.terms.grant.person.user_id.clone()).collect();
    ids.sort();
    ids.dedup();
    let mut logins = BTreeMap::new();
    for some in ids.chunks(500) {
        let people = users::by_ids(db, some.to_vec()).await?;
        logins.extend(people.into_iter().map(|user| (user.id, user.login)));
    }
    Ok(logins)
}

/// Which end it shares: that of its session, or its own.
fn kind(grant: &Listed) -> &'static str {
    if grant.terms.is_offline() { "offline" } else { "session" }
}

/// Whether it is live, and why not.
fn state(grant: &Listed, now: OffsetDateTime) -> String {
    match grant.facts.ended(now) {
        None => "live".into(),
        Some(Ended::Revoked(_, why)) => format!("revoked ({})", why.text()),
        Some(Ended::Absolute(_) | Ended::Idle(_) | Ended::DatedAhead) => "ended".into(),
    }
}

fn ends(grant: &Listed, now: OffsetDateTime) -> String {
    let left = |end: OffsetDateTime| format!("in {}", rough(end - now));
    let (idle, absolute) = (grant.facts.position.idle_end, grant.facts.absolute_end);
    if grant.facts.ended(now).is_some() {
        return String::new();
    }
    if idle == absolute {
        left(absolute)
    } else {
        format!("{} unused, {} at most", left(idle), left(absolute))
    }
}

fn ago(age: Duration) -> String {
    format!("{} ago", rough(age))
}

/// A span in its largest unit.
fn rough(span: Duration) -> String {
    let seconds = span.whole_seconds().max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn shown(grant: &Listed, logins: &BTreeMap<String, String>, now: OffsetDateTime) -> Map<String, Value> {
    let (of, facts) = (&grant.terms.grant, &grant.facts);
    let at = |instant: OffsetDateTime| json!(rfc3339(instant.unix_timestamp()));
    let mut json = Map::from_iter([
        ("grant_id".to_owned(), json!(grant.id)),
        ("client_id".to_owned(), json!(grant.client_id)),
        ("sub".to_owned(), json!(of.person.user_id)),
        ("login".to_owned(), json!(logins.get(&of.person.user_id))),
        ("kind".to_owned(), json!(kind(grant))),
        ("live".to_owned(), json!(facts.ended(now).is_none())),
        ("scope".to_owned(), json!(of.scope)),
        ("resources".to_owned(), json!(of.resources)),
        ("agreed_at".to_owned(), at(grant.agreed_at)),
        ("created_at".to_owned(), at(facts.created_at)),
        ("last_used_at".to_owned(), at(facts.last_used())),
        ("ends_unused_at".to_owned(), at(facts.position.idle_end)),
        ("ends_at".to_owned(), at(facts.absolute_end)),
        ("generation".to_owned(), json!(facts.position.generation)),
    ]);
    if let Some((revoked_at, why)) = facts.revoked {
        json.insert("revoked_at".into(), at(revoked_at));
        json.insert("revoked_because".into(), json!(why.text()));
    }
    json
}
