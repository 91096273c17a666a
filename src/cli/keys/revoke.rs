//! `countersign keys revoke` and `keys rotate --now`: the consequences of revoking keys, and revoking them.

use clap::Args;
use serde_json::json;

use super::{in_words, unknown, when};
use crate::cli::context::{Context, Opened};
use crate::cli::report::Report;
use crate::clock::span;
use crate::keys::policy::KeyPolicy;
use crate::operations::keys::{self, Consequence, KeyFault, Next, Revoked, Which};
use crate::store::signing_keys::StoredKey;

/// The key to revoke.
#[derive(Args)]
pub struct Revoke {
    /// The key's name, as `keys list` shows it
    // A random name may begin with a hyphen.
    #[arg(allow_hyphen_values = true)]
    kid: String,
    #[arg(long, help = "Do it: without this, only what it would mean is said")]
    yes: bool,
}

pub(super) fn revoke(flags: &Revoke, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    take_away(&opened, Which::Named(&flags.kid), flags.yes, context)
}

/// Revokes keys, or tells the consequences.
pub(super) fn take_away(
    opened: &Opened,
    which: Which<'_>,
    yes: bool,
    context: &Context,
) -> anyhow::Result<Report> {
    let op = opened.operation(context.now());
    let gone = match keys::consequences(&op, which) {
        Ok(gone) => gone,
        Err(KeyFault::Unknown(kid)) => return Err(unknown(opened, &kid)?),
        Err(other) => return Err(in_words(other)),
    };
    let lines = gone.iter().map(|gone| meaning(gone, &opened.config.keys, op.now.unix_timestamp()));
    let means = lines.collect::<String>()
        + "People stay signed in; applications whose tokens are refused need new ones.";
    if !yes {
        let fault = Some("nothing was changed; say --yes to do it".to_owned());
        return Ok(Report { fault, ..Report::new(json!({ "done": false, "means": means }), means) });
    }
    let (mut text, mut revoked) = (vec![], vec![]);
    for Revoked { key, signs } in keys::revoke(&op, opened.installation(), gone)? {
        text.push(format!("Revoked {}: out of the public set on every node within 5 seconds.", key.kid));
        text.extend(signs.as_ref().map(|signs| format!("{signs} signs in its place.")));
        revoked.push(json!({ "alg": key.alg, "kid": key.kid, "signs": signs }));
    }
    Ok(Report::new(json!({ "done": true, "revoked": revoked, "means": means }), text.join("\n")))
}

/// The consequences for verifiers, line by line.
fn meaning(gone: &Consequence, policy: &KeyPolicy, now: i64) -> String {
    let mut means = destroyed(&gone.key, policy) + "\n";
    let Some(next) = &gone.next else { return means };
    means = means + &takes_over(next, policy, now) + "\n";
    if let Some(spare) = &next.spare {
        means = means
            + "Whoever could read the database and the instance key has that one too: then first do\n\
               `countersign keys revoke "
            + &spare.kid
            + "`, so that a new key is made.\n";
    }
    means
}

/// The consequence of destroying a key.
fn destroyed(key: &StoredKey, policy: &KeyPolicy) -> String {
    format!(
        "{} ({}, {}) is destroyed: every token it signed is refused, here within 5 seconds, and at verifiers when they \
         fetch the key set again, at the latest in {}. Until then tokens made with a stolen copy still pass there.",
        key.kid,
        key.alg,
        key.state,
        span(policy.jwks_max_age.whole_seconds())
    )
}

/// The consequence of the next key signing at once.
fn takes_over(next: &Next, policy: &KeyPolicy, now: i64) -> String {
    let (name, wait) = (next.alg.name(), span(policy.jwks_max_age.whole_seconds()));
    match &next.spare {
        Some(spare) if spare.until <= now => format!(
            "{name}: {} takes over. It has been public since {}, so every verifier knows it.",
            spare.kid,
            when(spare.since)
        ),
        Some(spare) => format!(
            "{name}: {} takes over. It is public since {} only: a verifier that fetched the key set before that \
             refuses new tokens until it fetches it again, which is within {wait} for those that keep to its max-age.",
            spare.kid,
            when(spare.since)
        ),
        None => format!(
            "{name}: a new key takes over that no verifier knows: each refuses new tokens until it fetches the key \
             set again, which is within {wait} for those that keep to its max-age."
        ),
    }
}
