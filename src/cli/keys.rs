//! `countersign keys`: the instance key, and the signing keys it seals.

use std::path::Path;

use anyhow::{anyhow, bail};
use clap::Subcommand;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::context::{Context, Opened, is_there};
use super::report::{Report, rfc3339, table};
use crate::app;
use crate::config::Config;
use crate::keys::instance::{Given, InstanceKeys, Source};
use crate::keys::opened::FACT;
use crate::secret::{Key, base64url};
use crate::store::facts;
use crate::store::signing_keys::{self, StoredKey};

/// What can be done about keys.
#[derive(Subcommand)]
pub enum Word {
    /// Write a new instance key where the configuration looks for one; never over another
    #[command(after_help = "Examples:
  countersign keys init
  countersign keys init --print")]
    Init {
        #[arg(long, help = "Print the key instead, for nodes that get it as COUNTERSIGN_INSTANCE_KEY")]
        print: bool,
    },
    /// List the signing keys; needs no private key
    #[command(after_help = "Example:\n  countersign keys list --json")]
    List,
}

/// Carries out one of them.
pub fn run(word: &Word, context: &Context) -> anyhow::Result<Report> {
    match word {
        Word::Init { print: true } => print_new(),
        Word::Init { print: false } => init(context),
        Word::List => list(context),
    }
}

fn print_new() -> anyhow::Result<Report> {
    let text = Zeroizing::new(base64url(Key::generate().expose()));
    let keys = InstanceKeys::read(&Source::Given(Given(text.to_string())))?;
    let fingerprint = keys.map(|keys| keys.fingerprints().join(", "));
    // The bare key, so that `KEY=$(countersign keys init --print)` is all a script needs.
    Ok(Report::new(json!({ "instance_key": text.as_str(), "fingerprint": fingerprint }), text.to_string()))
}

fn init(context: &Context) -> anyhow::Result<Report> {
    let config = context.config()?;
    let path = match &config.instance_key {
        Source::File { path, .. } => path,
        Source::Given(_) => {
            bail!("the instance key is given as a setting, so there is no file to write; use --print")
        }
    };
    if path.exists() {
        bail!(
            "{} exists already and is not overwritten: without it nothing in its database can be opened",
            path.display()
        );
    }
    if let Some(recorded) = recorded(&config)? {
        bail!(
            "{} is sealed with instance key {recorded}, which a new one could not replace; bring that key back to {}",
            config.database.shown(),
            path.display()
        );
    }
    let keys = InstanceKeys::create(path)?;
    let fingerprint = keys.fingerprints().join(", ");
    let json = json!({ "file": path.display().to_string(), "fingerprint": fingerprint });
    Ok(Report::new(json, written(path, &fingerprint)))
}

fn written(path: &Path, fingerprint: &str) -> String {
    format!(
        "Wrote a new instance key to {} (fingerprint {fingerprint}).\nKeep a copy in a safe place, apart from the \
         database, and give the same key to every node.",
        path.display()
    )
}

/// The instance key that seals the database, if it has been sealed yet.
fn recorded(config: &Config) -> anyhow::Result<Option<String>> {
    if !is_there(config) {
        return Ok(None);
    }
    Ok(app::open_store(config)?.read_now(|conn| facts::get(conn, FACT))?)
}

fn list(context: &Context) -> anyhow::Result<Report> {
    let (stored, instance) = match context.open_if_there()? {
        None => (vec![], None),
        Some(Opened { db, .. }) => {
            db.read_now(|conn| Ok((signing_keys::list(conn)?, facts::get(conn, FACT)?)))?
        }
    };
    let keys = stored.iter().map(described).collect::<anyhow::Result<Vec<Value>>>()?;
    let column =
        |key: &Value, name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let rows: Vec<[String; 6]> = keys
        .iter()
        .map(|key| ["kid", "alg", "state", "since", "does", "sealed_by"].map(|name| column(key, name)))
        .collect();
    let mut text = if rows.is_empty() {
        format!(
            "There are no signing keys yet: the first `countersign serve{}` makes them.\n",
            context.same_config()
        )
    } else {
        table(["KID", "ALG", "STATE", "SINCE", "DOES", "SEALED BY"], &rows)
    };
    if let Some(instance) = &instance {
        text = text + "\nThe database is sealed with instance key " + instance + ".";
    }
    Ok(Report::new(json!({ "keys": keys, "instance_key": instance }), text))
}

fn described(key: &StoredKey) -> anyhow::Result<Value> {
    let since = rfc3339(key.since).ok_or_else(|| anyhow!("key {} has no sensible date", key.kid))?;
    let sealed_by = key.private_sealed.as_deref().and_then(|sealed| sealed.first_chunk::<8>());
    Ok(json!({
        "kid": key.kid,
        "alg": key.alg,
        "state": key.state,
        "since": since,
        "does": does(&key.state),
        "sealed_by": sealed_by.map(|id| HEXLOWER.encode(id)),
    }))
}

/// What a key does in each state of its life.
fn does(state: &str) -> &'static str {
    match state {
        "pending" => "waits to be published",
        "published" => "is published and will sign next",
        "active" => "signs and is published",
        "retiring" => "is published, signs no more",
        "retained" => "recognises old ID tokens only",
        _ => "is in a state this version does not know",
    }
}
