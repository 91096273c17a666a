//! `countersign keys import`: keys from another provider keep their names, so that its verifiers go on.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::rotate::algorithm;
use super::when;
use crate::app;
use crate::cli::context::{ACTOR, Context};
use crate::cli::input;
use crate::cli::report::Report;
use crate::config::Config;
use crate::db::{Db, DbError};
use crate::keys::fingerprint::instance_keys_for;
use crate::keys::import::{self, ImportedKey};
use crate::keys::jose::thumbprint;
use crate::keys::operator::{self, ImportError};
use crate::keys::promise;
use crate::keys::seal;
use crate::keys::stored_key::PURPOSE;
use crate::protocol::client::SigningAlg;
use crate::protocol::names::check_shown;
use crate::store::signing_keys::{KeyState, StoredKey};

pub(super) const EXAMPLES: &str = "Examples:
  countersign keys import old-jwks.json
  countersign keys import old-key.pem --kid 2024-key-1 --alg RS256 --active";

/// The longest name of a key.
const LONGEST_KID: usize = 255;

/// What is brought, and what it is for.
#[derive(Args)]
pub struct Import {
    /// PEM blocks, a JWK, or the key set of the other provider
    file: PathBuf,
    #[arg(long, help = "The name it had [default: the one in the JWK, else its RFC 7638 thumbprint]")]
    kid: Option<String>,
    #[arg(long, value_parser = algorithm, help = "What it signs with [default: as its JWK says; RS256 for RSA]")]
    alg: Option<SigningAlg>,
    #[arg(long, help = "It signs from now on, in place of the key that did; needs the private key")]
    active: bool,
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "active",
        help = "Without --active it only verifies, and is public for N days [default: publish_after]"
    )]
    days: Option<u16>,
}

pub(super) fn import(flags: &Import, context: &Context) -> anyhow::Result<Report> {
    let text = Zeroizing::new(String::from_utf8(input::file(&flags.file)?).context("the file is no text")?);
    let shown = flags.file.display().to_string();
    let found = import::read(&text).map_err(|why| anyhow!("{shown}: {why}"))?;
    let (brought, mut warnings) = (found.keys, found.skipped);
    let single = brought.len() == 1;
    if !single && (flags.active || flags.kid.is_some() || flags.alg.is_some()) {
        bail!("{shown} holds {} keys: --active, --kid and --alg are about a single one", brought.len());
    }
    let config = context.config()?;
    let db = app::open_store(&config)?;
    let mut keys = vec![];
    for key in brought {
        let name = key.kid.clone().unwrap_or_else(|| thumbprint(&key.public_jwk));
        let (unnamed, key) =
            (key.kid.is_none() && flags.kid.is_none(), prepared(key, flags, &config, &db, context));
        // Of several keys, one that cannot be taken in does not keep out the others.
        match key.and_then(|key| kept(key, &config, &db, context)) {
            Ok(key) => {
                if unnamed {
                    warnings.push(format!(
                        "the key brought no name, so it is called {}; if verifiers know it by another, import it \
                         with --kid",
                        key.kid
                    ));
                }
                keys.push(key);
            }
            Err(error) if single || error.is::<DbError>() => return Err(error),
            Err(error) => warnings.push(format!("key {name:?} was passed over: {error}")),
        }
    }
    if keys.is_empty() {
        bail!("{shown}: {}", warnings.join("; "));
    }
    let said = |key: &StoredKey| json!({ "kid": key.kid, "alg": key.alg, "state": key.state });
    let lines: Vec<String> = keys.iter().map(line).collect();
    let json = json!({ "imported": keys.iter().map(said).collect::<Vec<Value>>() });
    Ok(Report { warnings, ..Report::new(json, lines.join("\n")) })
}

/// Takes the key in.
fn kept(key: StoredKey, config: &Config, db: &Db, context: &Context) -> anyhow::Result<StoredKey> {
    let taken = db.write_now(|conn| match operator::import(conn, &key, &config.keys, ACTOR, context.now()) {
        Err(ImportError::Db(error)) => Err(error),
        // What was written before is taken back with the transaction.
        Err(ImportError::Known(words)) => Err(DbError::Broken(words)),
        Ok(()) => Ok(()),
    });
    match taken {
        Ok(()) => Ok(key),
        Err(DbError::Broken(words)) => Err(anyhow!(words)),
        Err(other) => Err(other.into()),
    }
}

fn line(key: &StoredKey) -> String {
    if key.state == KeyState::Active.name() {
        format!("{} signs {} from now on, on every node within 5 seconds.", key.kid, key.alg)
    } else {
        format!(
            "{} ({}) verifies: it is in the public set until {}. Its private part is not kept.",
            key.kid,
            key.alg,
            when(key.until)
        )
    }
}

/// The key as it is stored.
fn prepared(
    key: ImportedKey,
    flags: &Import,
    config: &Config,
    db: &Db,
    context: &Context,
) -> anyhow::Result<StoredKey> {
    let now = context.now();
    let is_rsa = key.public_jwk.contains_key("n");
    let kid = flags.kid.clone().or(key.kid).unwrap_or_else(|| thumbprint(&key.public_jwk));
    check_shown("the key's name", &kid).map_err(anyhow::Error::msg)?;
    if kid.is_empty() || kid.len() > LONGEST_KID {
        bail!("a key's name must have 1 to {LONGEST_KID} characters");
    }
    let alg = match (flags.alg, key.alg) {
        (Some(asked), Some(known)) if asked != known => {
            bail!("key {kid} is for {}, not for {}: a key has one algorithm", known.name(), asked.name())
        }
        (Some(SigningAlg::ES256 | SigningAlg::EdDSA), None) => bail!("key {kid} is an RSA key"),
        (asked, known) => asked.or(known).or(is_rsa.then_some(SigningAlg::RS256)),
    };
    let alg = alg.ok_or_else(|| anyhow!("say with --alg what key {kid} signs with"))?;
    let (state, private_sealed, until) = if flags.active {
        if !config.keys.algorithms.contains(&alg) {
            bail!("{} is not configured: name it in algorithms under [keys] first", alg.name());
        }
        let der = key.private_der.ok_or_else(|| anyhow!("to sign, the private key is needed"))?;
        let instance = instance_keys_for(db, &config.instance_key)?;
        (KeyState::Active, Some(seal::seal(&instance, PURPOSE, kid.as_bytes(), &der)), 0)
    } else {
        let least = db.read_now(|conn| promise::read(conn, &config.keys))?.may_leave_at(&config.keys, now);
        let asked = now.unix_timestamp() + i64::from(flags.days.unwrap_or_default()) * 86_400;
        (KeyState::Retiring, None, least.max(asked))
    };
    let since = now.unix_timestamp();
    Ok(StoredKey {
        kid,
        alg: alg.name().into(),
        state: state.name().into(),
        public_jwk: Value::Object(key.public_jwk).to_string(),
        private_sealed,
        created_at: since,
        since,
        until,
    })
}
