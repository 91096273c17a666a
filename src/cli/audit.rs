//! `countersign audit`: the recorded events.

use std::collections::BTreeMap;

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use super::context::{Context, Opened};
use super::report::{Report, plain, rfc3339, table};
use super::words::nearest;
use crate::db::Db;
use crate::keys::secrets::vault;
use crate::protocol::event::Name;
use crate::protocol::span;
use crate::store::events::{self, Personal, StoredEvent, Vault, Wanted};
use crate::store::users;

/// The words of `audit`.
#[derive(Subcommand)]
pub enum Word {
    /// List who signed in and who did not, and what was changed: the newest first
    #[command(after_help = "Examples:
  countersign audit list --since 24h
  countersign audit list --person ada --event session.refused
  countersign audit list --event 'app.*' --since 2026-11-01 --json")]
    List(List),
}

/// Which events to list.
#[derive(Args)]
pub struct List {
    /// Only those about this person
    #[arg(long, value_name = "LOGIN")]
    person: Option<String>,
    /// Only those for this application
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Only those since then: a span such as 90d, 24h or 30m, a day, or an instant of RFC 3339
    #[arg(long, value_name = "SPAN_OR_INSTANT")]
    since: Option<String>,
    /// Only those of this name, such as session.refused, or of a family, such as 'person.*'
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

/// Carries out one of the words.
pub async fn run(word: Word, context: &Context) -> anyhow::Result<Report> {
    let Word::List(flags) = word;
    list(flags, context).await
}

async fn list(flags: List, context: &Context) -> anyhow::Result<Report> {
    let since = flags.since.as_deref().map(|said| since(said, context.now())).transpose()?;
    let names = flags.event.as_deref().map_or(Ok(vec![]), named)?;
    let Some(opened) = context.open_if_there()? else {
        return Ok(Report::new(Value::Array(vec![]), "Nothing has happened yet.\n".into()));
    };
    let Opened { db, config, .. } = &opened;
    let person = match &flags.person {
        Some(login) => Some(identifier(db, login).await?),
        None => None,
    };
    let (vault, warnings) = match vault(db, &config.instance_key) {
        Ok(vault) => (vault, vec![]),
        Err(error) => (None, vec![format!("personal detail stays sealed: {error}")]),
    };
    let most = i64::from(flags.limit);
    let wanted = Wanted { person, client: flags.client, since, names, most };
    let stored = stored(db, wanted, vault).await?;
    let logins = logins(db, &stored).await?;
    let mut text = in_words(&stored, &logins);
    if stored.len() == flags.limit as usize {
        text.push_str("\nThere may be more: --limit says how many are listed.\n");
    }
    let json = stored.iter().map(|stored| in_json(stored, &logins)).collect();
    Ok(Report { warnings, ..Report::new(json, text) })
}

async fn stored(db: &Db, wanted: Wanted, vault: Option<Vault>) -> anyhow::Result<Vec<StoredEvent>> {
    Ok(events::list(db, wanted, vault).await?)
}

/// A span back from now, the beginning of a day (UTC), or an instant.
fn since(said: &str, now: OffsetDateTime) -> anyhow::Result<OffsetDateTime> {
    if let Some(span) = span::parse(said) {
        return Ok(now - span);
    }
    if let Ok(day) = Date::parse(said, format_description!("[year]-[month]-[day]")) {
        return Ok(day.midnight().assume_utc());
    }
    OffsetDateTime::parse(said, &Rfc3339).map_err(|_unread| {
        anyhow!(
            "--since {said:?} is neither a span such as 90d, 24h or 30m, nor a day such as 2026-11-30, nor an instant \
             such as 2026-11-30T12:00:00Z"
        )
    })
}

/// The names of one event, or of a family of them.
fn named(said: &str) -> anyhow::Result<Vec<&'static str>> {
    let all = || Name::ALL.iter().map(|name| name.text());
    let found: Vec<&str> = match said.strip_suffix('*') {
        Some(family) if family.ends_with('.') => all().filter(|name| name.starts_with(family)).collect(),
        _ => all().filter(|name| *name == said).collect(),
    };
    if !found.is_empty() {
        return Ok(found);
    }
    match nearest(said, all()) {
        Some(near) => bail!("there is no event {said:?}; did you mean {near:?}?"),
        None => bail!("there is no event {said:?}; these are: {}", all().collect::<Vec<_>>().join(", ")),
    }
}

/// The identifier of a person, by login name. An identifier is accepted too, for events about a person who was removed.
async fn identifier(db: &Db, login: &str) -> anyhow::Result<String> {
    match users::by_login(db, login).await? {
        Some(found) => Ok(found.user.id),
        None if uuid::Uuid::parse_str(login).is_ok() => Ok(login.to_owned()),
        None => bail!("there is no person with the login name {login:?}"),
    }
}

/// The login names of the people in these events.
async fn logins(db: &Db, stored: &[StoredEvent]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut ids: Vec<String> = stored.iter().filter_map(|stored| stored.subject.clone()).collect();
    ids.extend(
        stored
            .iter()
            .filter(|stored| stored.actor_kind == "person")
            .filter_map(|stored| stored.actor.clone()),
    );
    ids.sort();
    ids.dedup();
    let mut logins = BTreeMap::new();
    for some in ids.chunks(500) {
        let people = users::by_ids(db, some.to_vec()).await?;
        logins.extend(people.into_iter().map(|user| (user.id, user.login)));
    }
    Ok(logins)
}

fn in_json(stored: &StoredEvent, logins: &BTreeMap<String, String>) -> Value {
    let login = |id: &Option<String>| id.as_ref().and_then(|id| logins.get(id));
    let (personal, is_sealed) = match &stored.personal {
        Personal::None => (None, false),
        Personal::Opened(personal) => (Some(personal), false),
        Personal::Sealed => (None, true),
    };
    json!({
        "id": stored.id,
        "at": rfc3339(stored.at),
        "event": stored.event,
        "outcome": stored.outcome,
        "actor_kind": stored.actor_kind,
        "actor": stored.actor,
        "subject": stored.subject,
        "login": login(&stored.subject),
        "client": stored.client,
        "via": stored.via,
        "request_id": stored.request_id,
        "network": stored.network,
        "context": stored.context,
        "personal": personal,
        "sealed": is_sealed,
    })
}

fn in_words(stored: &[StoredEvent], logins: &BTreeMap<String, String>) -> String {
    if stored.is_empty() {
        return "There are no such events.\n".into();
    }
    let name = |id: &str| logins.get(id).cloned().unwrap_or_else(|| id.to_owned());
    let rows: Vec<[String; 7]> = stored
        .iter()
        .map(|stored| {
            let by = stored.actor.as_deref().map_or_else(|| stored.actor_kind.clone(), name);
            let about = stored.subject.as_deref().map(name).unwrap_or_default();
            let client = stored.client.clone().unwrap_or_default();
            let at = rfc3339(stored.at).unwrap_or_default();
            [at, stored.event.clone(), stored.outcome.clone(), by, about, client, particulars(stored)]
        })
        .collect();
    table(["AT", "EVENT", "OUTCOME", "BY", "ABOUT", "CLIENT", "DETAIL"], &rows)
}

/// The details of an event. Personal ones come first, because the address is among them.
fn particulars(stored: &StoredEvent) -> String {
    let words = |of: &Map<String, Value>| -> Vec<String> {
        of.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect()
    };
    let mut all = match &stored.personal {
        Personal::None => vec![],
        Personal::Opened(personal) => words(personal),
        Personal::Sealed => vec!["(sealed)".to_owned()],
    };
    all.extend(words(&stored.context));
    all.join(" ")
}
