//! `countersign keys import`: keys of another provider keep their names, so that its verifiers still find them.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::rotate::algorithm;
use super::when;
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::report::Report;
use crate::keys::import;
use crate::keys::jose::thumbprint;
use crate::operations::keys::{self, ImportFault, Imported};
use crate::protocol::client::SigningAlg;
use crate::store::signing_keys::{KeyState, StoredKey};

pub(super) const EXAMPLES: &str = "Examples:
  countersign keys import old-jwks.json
  countersign keys import old-key.pem --kid 2024-key-1 --alg RS256 --active";

/// The key to import, and its use.
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
    let opened = context.open()?;
    let (op, kid) = (opened.operation(context.now()), flags.kid.as_deref());
    let wanted = Imported { kid, alg: flags.alg, active: flags.active, days: flags.days.unwrap_or_default() };
    let mut imported = vec![];
    for key in brought {
        let name = key.kid.clone().unwrap_or_else(|| thumbprint(&key.public_jwk));
        let unnamed = key.kid.is_none() && flags.kid.is_none();
        // A key that cannot be imported does not keep the other keys out.
        match keys::import(&op, opened.installation(), key, wanted) {
            Ok(key) => {
                if unnamed {
                    warnings.push(format!(
                        "the key brought no name, so it is called {}; if verifiers know it by another, import it \
                         with --kid",
                        key.kid
                    ));
                }
                imported.push(key);
            }
            Err(fault) if single || matches!(fault, ImportFault::Db(_)) => return Err(in_words(fault)),
            Err(fault) => warnings.push(format!("key {name:?} was passed over: {}", in_words(fault))),
        }
    }
    if imported.is_empty() {
        bail!("{shown}: {}", warnings.join("; "));
    }
    let said = |key: &StoredKey| json!({ "kid": key.kid, "alg": key.alg, "state": key.state });
    let lines: Vec<String> = imported.iter().map(line).collect();
    let json = json!({ "imported": imported.iter().map(said).collect::<Vec<Value>>() });
    Ok(Report { warnings, ..Report::new(json, lines.join("\n")) })
}

/// The error for a key that is not imported, in words.
fn in_words(fault: ImportFault) -> anyhow::Error {
    match fault {
        ImportFault::NoAlgorithm(kid) => anyhow!("say with --alg what key {kid} signs with"),
        other => other.into(),
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
