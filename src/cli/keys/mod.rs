//! `countersign keys`: the instance key, and the signing keys it seals.

mod import; // keys of another provider
mod list;
mod reseal; // after a new instance key
mod revoke; // destroying keys in an emergency
mod rotate; // the next key takes over

use std::path::Path;

use anyhow::{anyhow, bail};
use clap::Subcommand;
use serde_json::json;
use zeroize::Zeroizing;

use super::context::{Context, Opened, is_there};
use super::report::{Report, rfc3339};
use super::words::nearest;
use crate::app;
use crate::config::Config;
use crate::keys::fingerprint::FACT;
use crate::keys::instance::{Given, InstanceKeys, Source};
use crate::keys::snapshot::public_set;
use crate::operations::keys::KeyFault;
use crate::secret::{Key, base64url};
use crate::store::facts;
use crate::store::signing_keys;

/// The words of `keys`.
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
    /// Let the next keys sign as soon as every verifier knows them, or at once; those before go on verifying
    #[command(after_help = rotate::EXAMPLES)]
    Rotate(rotate::Rotate),
    /// Take a signing key away at once and for good, in an emergency: every token it signed is refused
    #[command(after_help = "Example:\n  countersign keys revoke KID --yes")]
    Revoke(revoke::Revoke),
    /// Take in a key from another provider, so that moving here breaks no verifier
    #[command(after_help = import::EXAMPLES)]
    Import(import::Import),
    /// Print the public key set, as verifiers see it
    #[command(after_help = "Example:\n  countersign keys export --public > jwks.json")]
    Export {
        #[arg(long, required = true, help = "Only public keys ever leave the database")]
        public: bool,
    },
    /// Seal everything in the database anew, with the first of the instance keys
    #[command(after_help = reseal::EXAMPLES)]
    Reseal,
}

/// Carries out one of the words.
pub fn run(word: &Word, context: &Context) -> anyhow::Result<Report> {
    match word {
        Word::Init { print: true } => print_new(),
        Word::Init { print: false } => init(context),
        Word::List => list::list(context),
        Word::Rotate(flags) => rotate::rotate(flags, context),
        Word::Revoke(flags) => revoke::revoke(flags, context),
        Word::Import(flags) => import::import(flags, context),
        Word::Export { .. } => export(context),
        Word::Reseal => reseal::reseal(context),
    }
}

fn print_new() -> anyhow::Result<Report> {
    let text = Zeroizing::new(base64url(Key::generate().expose()));
    let keys = InstanceKeys::read(&Source::Given(Given(text.to_string())))?;
    let fingerprint = keys.map(|keys| keys.fingerprints().join(", "));
    // The key alone, for `KEY=$(countersign keys init --print)` in a script.
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

/// The fingerprint of the instance key that seals the database, if anything is sealed.
fn recorded(config: &Config) -> anyhow::Result<Option<String>> {
    if !is_there(config) {
        return Ok(None);
    }
    Ok(app::open_store(config)?.read_now(|conn| facts::get(conn, FACT))?)
}

fn export(context: &Context) -> anyhow::Result<Report> {
    let keys = context.open_existing()?.db.read_now(signing_keys::list)?;
    if keys.is_empty() {
        bail!("there are no signing keys yet: the first `countersign serve` makes them");
    }
    let set = public_set(&keys);
    Ok(Report::new(serde_json::from_str(&set)?, set))
}

/// An instant of a key, for people and programs.
fn when(seconds: i64) -> String {
    rfc3339(seconds).unwrap_or_else(|| seconds.to_string())
}

/// The error for an unknown key, with the one that may have been meant.
fn unknown(opened: &Opened, kid: &str) -> anyhow::Result<anyhow::Error> {
    let keys = opened.db.read_now(signing_keys::list)?;
    Ok(match nearest(kid, keys.iter().map(|key| key.kid.as_str())) {
        Some(near) => anyhow!("there is no key {kid:?}; did you mean {near}?"),
        None => anyhow!("there is no key {kid:?}; `countersign keys list` shows those there are"),
    })
}

/// The error for keys that are not changed, in words.
fn in_words(fault: KeyFault) -> anyhow::Error {
    match fault {
        KeyFault::NoneSigns => {
            anyhow!("there is no key that signs; `countersign keys list` shows those there are")
        }
        other => other.into(),
    }
}
