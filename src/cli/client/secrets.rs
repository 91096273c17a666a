//! `countersign client rotate-secret`, and what `client show` tells about secrets.

use std::fmt::Write as _;

use anyhow::bail;
use clap::Args;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::{in_words, lines, shown_once};
use crate::cli::context::Context;
use crate::cli::report::{Report, rfc3339};
use crate::clock::span;
use crate::operations::clients::{self, ClientFault, Old, Rotated, Rotation};
use crate::protocol::client::{Client, ClientSecret};
use crate::protocol::span;

/// How long the old secret works when nothing else is said.
const USUAL_OVERLAP: Duration = Duration::DAY;
/// The shortest overlap: less is no help to an application that is deployed by people.
const SHORTEST_OVERLAP: Duration = Duration::HOUR;
/// The longest overlap: an old secret that works longer is forgotten.
const LONGEST_OVERLAP: Duration = Duration::days(30);
/// The shortest life of a secret: a shorter one would end while it is being handed over.
const SHORTEST_LIFE: Duration = Duration::HOUR;

/// The examples below the help.
pub const EXAMPLES: &str = "Examples:
  countersign client rotate-secret ID
  countersign client rotate-secret ID --overlap 7d --secret-expires 365d
  countersign client rotate-secret ID --now";

/// A new secret in place of the old one.
#[derive(Args)]
pub struct Rotate {
    /// Its client id
    #[arg(allow_hyphen_values = true)]
    id: String,
    #[arg(
        long,
        value_name = "TIME",
        conflicts_with = "now",
        help = "How long the old secret goes on working, from 1h to 30d [default: 24h]"
    )]
    overlap: Option<String>,
    /// End the old secret at once, for one that is known to others
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    life: Life,
}

/// How long a new secret lasts.
#[derive(Args)]
pub struct Life {
    /// End the new secret after this time, such as 365d [default: it lasts]
    #[arg(long, value_name = "TIME")]
    secret_expires: Option<String>,
}

impl Life {
    /// The life of the new secret; none if it lasts.
    pub fn read(&self) -> anyhow::Result<Option<Duration>> {
        let Some(said) = &self.secret_expires else { return Ok(None) };
        match span::parse(said).filter(|life| *life >= SHORTEST_LIFE) {
            Some(life) => Ok(Some(life)),
            None => bail!("--secret-expires {said}: say a time from 1h to 3650d, such as 365d"),
        }
    }
}

impl Rotate {
    fn old(&self) -> anyhow::Result<Old> {
        if self.now {
            return Ok(Old::Ends);
        }
        let Some(said) = &self.overlap else { return Ok(Old::Lasts(USUAL_OVERLAP)) };
        match span::parse(said).filter(|span| (SHORTEST_OVERLAP..=LONGEST_OVERLAP).contains(span)) {
            Some(overlap) => Ok(Old::Lasts(overlap)),
            None => bail!(
                "--overlap {said}: say a time from 1h to 30d, such as 24h; --now ends the old secret at once"
            ),
        }
    }
}

/// Gives the client a new secret.
pub async fn rotate(flags: Rotate, context: &Context) -> anyhow::Result<Report> {
    let rotation = Rotation { old: flags.old()?, lasts: flags.life.read()? };
    let (opened, now) = (context.open_existing()?, context.now());
    let done = clients::rotate_secret(&opened.operation(now), &flags.id, rotation).await;
    if let Err(ClientFault::TwoSecrets { client_id, old }) = &done {
        bail!(
            "{client_id} has two secrets already; the old one {} and {}. Wait until it has ended, or end it now with a \
             third secret in place of both: countersign client rotate-secret {client_id} --now",
            ending(old, now),
            used(old)
        );
    }
    let Rotated { client, secret } = in_words(done, &opened, &flags.id, context).await?;
    let mut json = Map::new();
    json.insert("client_id".into(), client.id.clone().into());
    json.insert("client_secret".into(), secret.expose().into());
    let newest = client.secrets.newest().and_then(|newest| newest.ends_at);
    let ends_at = newest.map_or(0, OffsetDateTime::unix_timestamp);
    json.insert("client_secret_expires_at".into(), ends_at.into());
    let old = match rotation.old {
        Old::Ends => "the old one stops working within 5 seconds".to_owned(),
        Old::Lasts(overlap) => format!("the old one works for another {}", span(overlap.whole_seconds())),
    };
    let name = &client.metadata.client_name;
    let text = format!("{name} has a new secret; {old}.\n\n{}{}", lines(&json), shown_once(&client));
    json.insert("secrets".into(), program(&client, now));
    Ok(Report::new(Value::Object(json), text))
}

/// The secrets of a client for programs, newest first.
pub fn program(client: &Client, now: OffsetDateTime) -> Value {
    let instant = |at: OffsetDateTime| rfc3339(at.unix_timestamp());
    let shown = |secret: &ClientSecret| {
        json!({
            "created_at": instant(secret.created_at),
            "ends_at": secret.ends_at.and_then(instant),
            "live": secret.is_live(now),
            "last_used_at": secret.last_use.as_ref().and_then(|last| instant(last.at)),
            "last_used_network": secret.last_use.as_ref().and_then(|last| last.network.clone()),
        })
    };
    client.secrets.all().iter().rev().map(shown).collect()
}

/// The same for people: nothing about the only secret of a client, if it lasts.
pub fn page(client: &Client, now: OffsetDateTime) -> String {
    let all = client.secrets.all();
    if all.len() < 2 && all.iter().all(|only| only.ends_at.is_none()) {
        return String::new();
    }
    let mut text = "\nIts secrets, newest first:\n".to_owned();
    for secret in all.iter().rev() {
        let made = rfc3339(secret.created_at.unix_timestamp()).unwrap_or_default();
        let _infallible = writeln!(text, "  made {made}, {}, {}", ending(secret, now), used(secret));
    }
    text
}

fn ending(secret: &ClientSecret, now: OffsetDateTime) -> String {
    let Some(end) = secret.ends_at else { return "works without end".into() };
    let at = rfc3339(end.unix_timestamp()).unwrap_or_default();
    if secret.is_live(now) { format!("works until {at}") } else { format!("ended {at}") }
}

fn used(secret: &ClientSecret) -> String {
    let Some(last) = &secret.last_use else { return "was not used since there are two".into() };
    let at = rfc3339(last.at.unix_timestamp()).unwrap_or_default();
    let from = last.network.as_ref().map(|network| format!(" from {network}")).unwrap_or_default();
    format!("was last used {at}{from}")
}
