//! `countersign keys rotate` and `revoke`: another key signs, in order or at once. At once is for emergencies,
//! in which the key before must not be believed any more.

use anyhow::{anyhow, bail};
use clap::Args;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::when;
use crate::cli::context::{ACTOR, Context, Opened};
use crate::cli::report::Report;
use crate::cli::words::nearest;
use crate::clock::span;
use crate::keys::fingerprint::instance_keys_for;
use crate::keys::jose::KeyPair;
use crate::keys::operator::{self, find};
use crate::keys::plan::Step;
use crate::keys::policy::KeyPolicy;
use crate::keys::step;
use crate::keys::stored_key::seal_pair;
use crate::protocol::client::SigningAlg;
use crate::store::signing_keys::{self, KeyState, StoredKey};

pub(super) const EXAMPLES: &str = "Examples:
  countersign keys rotate
  countersign keys rotate --alg RS256
  countersign keys rotate --now --yes";

/// Which keys give way, and how soon.
#[derive(Args)]
pub struct Rotate {
    #[arg(long, value_name = "ALG", value_parser = algorithm, help = "Only the key of this algorithm [default: all]")]
    alg: Option<SigningAlg>,
    #[arg(
        long,
        help = "In an emergency: take away the keys that sign, and refuse what they signed (`revoke` for each of them)"
    )]
    now: bool,
    #[arg(long, requires = "now", help = "Do it: without this, --now only says what it would mean")]
    yes: bool,
}

/// Which key is taken away.
#[derive(Args)]
pub struct Revoke {
    /// The key's name, as `keys list` shows it
    // One in 64 begins with a hyphen.
    #[arg(allow_hyphen_values = true)]
    kid: String,
    #[arg(long, help = "Do it: without this, only what it would mean is said")]
    yes: bool,
}

pub(super) fn algorithm(name: &str) -> Result<SigningAlg, String> {
    SigningAlg::from_name(name).ok_or_else(|| "it is none of RS256, ES256, PS256, EdDSA and Ed25519".into())
}

pub(super) fn rotate(flags: &Rotate, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    let keys = opened.db.read_now(signing_keys::list)?;
    let rings = SigningAlg::ALL.into_iter().filter(|alg| find(&keys, *alg, KeyState::Active).is_some());
    let rings: Vec<SigningAlg> = rings.filter(|alg| flags.alg.is_none_or(|only| only == *alg)).collect();
    if rings.is_empty() {
        bail!("there is no key that signs; `countersign keys list` shows those there are");
    }
    if flags.now {
        let signing: Vec<_> = rings.iter().filter_map(|alg| find(&keys, *alg, KeyState::Active)).collect();
        return take_away(&opened, &keys, &signing, flags.yes, context);
    }
    let said =
        rings.iter().map(|alg| in_order(&opened, *alg, context)).collect::<anyhow::Result<Vec<_>>>()?;
    let text = said
        .iter()
        .filter_map(|turn| turn.get("said").and_then(Value::as_str))
        .collect::<Vec<_>>()
        .join("\n");
    Ok(Report::new(json!({ "rotated": said }), text))
}

/// Asks, and if the next key is known to everybody already lets it take over.
fn in_order(opened: &Opened, alg: SigningAlg, context: &Context) -> anyhow::Result<Value> {
    let (policy, now) = (&opened.config.keys, context.now());
    let next = opened.db.write_now(|conn| {
        signing_keys::ask_to_rotate(conn, alg, ACTOR, now)?;
        let keys = signing_keys::list(conn)?;
        let spare = find(&keys, alg, KeyState::Published).cloned();
        if let Some(spare) = spare.as_ref().filter(|spare| spare.until <= now.unix_timestamp()) {
            let replaces = find(&keys, alg, KeyState::Active).map(|active| active.kid.clone());
            let done = step::take(conn, &Step::Activate { kid: spare.kid.clone(), replaces }, policy, now)?;
            return Ok((Some(spare.clone()), done));
        }
        Ok((spare, false))
    })?;
    let name = alg.name();
    let (state, kid, words) = match next {
        (Some(spare), true) => {
            let words = format!(
                "{name}: {} signs now. The key before stays public until its tokens have expired.",
                spare.kid
            );
            ("done", Some(spare.kid), words)
        }
        (Some(spare), false) => {
            let words = format!(
                "{name}: {} takes over at {}, when every verifier has had time to learn of it (a server must be running \
                 then). Until then nothing changes.",
                spare.kid,
                when(spare.until)
            );
            ("asked", Some(spare.kid), words)
        }
        (None, _) => {
            let wait = span((policy.publish_before + policy.skew).whole_seconds());
            let words = format!(
                "{name}: the next key has not been made yet. The running server makes it within seconds; it takes over \
                 {wait} later, when every verifier has had time to learn of it."
            );
            ("asked", None, words)
        }
    };
    Ok(json!({ "alg": name, "state": state, "kid": kid, "said": words }))
}

/// What it means for those who verify that the next key signs at once.
fn meaning(keys: &[StoredKey], alg: SigningAlg, policy: &KeyPolicy, now: OffsetDateTime) -> String {
    let (name, wait) = (alg.name(), span(policy.jwks_max_age.whole_seconds()));
    match find(keys, alg, KeyState::Published) {
        Some(spare) if spare.until <= now.unix_timestamp() => format!(
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
            "{name}: a new key takes over that nobody knows: every verifier refuses new tokens until it fetches the key \
             set again, which is within {wait} for those that keep to its max-age."
        ),
    }
}

/// A new key, if the ring has no spare: made before the writer is held.
fn fresh(
    opened: &Opened,
    keys: &[StoredKey],
    alg: SigningAlg,
    context: &Context,
) -> anyhow::Result<Option<StoredKey>> {
    if [KeyState::Published, KeyState::Pending].iter().any(|state| find(keys, alg, *state).is_some()) {
        return Ok(None);
    }
    let instance = instance_keys_for(&opened.db, &opened.config.instance_key)?;
    let pair = KeyPair::generate(alg, opened.config.keys.rsa_bits)?;
    Ok(Some(seal_pair(alg, &pair, KeyState::Active, &instance, context.now())))
}

pub(super) fn revoke(flags: &Revoke, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    let keys = opened.db.read_now(signing_keys::list)?;
    let key = keys.iter().find(|key| key.kid == flags.kid).ok_or_else(|| unknown(&flags.kid, &keys))?;
    take_away(&opened, &keys, &[key], flags.yes, context)
}

/// Destroys keys; in the place of each that signed another one takes over in the same moment.
fn take_away(
    opened: &Opened,
    keys: &[StoredKey],
    gone: &[&StoredKey],
    yes: bool,
    context: &Context,
) -> anyhow::Result<Report> {
    let (policy, now) = (&opened.config.keys, context.now());
    let signs =
        |key: &StoredKey| SigningAlg::from_name(&key.alg).filter(|_| key.state == KeyState::Active.name());
    let mut means = String::new();
    for key in gone {
        means = means + &destroyed(key, policy) + "\n";
        if let Some(alg) = signs(key) {
            means = means + &meaning(keys, alg, policy, now) + "\n";
            if let Some(spare) = find(keys, alg, KeyState::Published) {
                means = means
                    + "Whoever could read the database and the instance key has that one too: then first do\n\
                       `countersign keys revoke "
                    + &spare.kid
                    + "`, so that a new key is made.\n";
            }
        }
    }
    let means = means + "People stay signed in; applications whose tokens are refused need new ones.";
    if !yes {
        let fault = Some("nothing was changed; say --yes to do it".to_owned());
        return Ok(Report { fault, ..Report::new(json!({ "done": false, "means": means }), means) });
    }
    let made = |key: &&StoredKey| {
        signs(key).map(|alg| fresh(opened, keys, alg, context)).transpose().map(Option::flatten)
    };
    let made = gone.iter().map(made).collect::<anyhow::Result<Vec<_>>>()?;
    // All or none: whoever said it again after half of it would destroy what took over.
    let next = opened.db.write_now(|conn| {
        let pairs = gone.iter().zip(&made);
        pairs
            .map(|(key, fresh)| operator::revoke(conn, key, fresh.as_ref(), policy, ACTOR, now))
            .collect::<Result<Vec<_>, _>>()
    })?;
    let (mut text, mut revoked) = (vec![], vec![]);
    for (key, next) in gone.iter().zip(next) {
        text.push(format!("Revoked {}: out of the public set on every node within 5 seconds.", key.kid));
        text.extend(next.as_ref().map(|next| format!("{next} signs in its place.")));
        revoked.push(json!({ "alg": key.alg, "kid": key.kid, "signs": next }));
    }
    Ok(Report::new(json!({ "done": true, "revoked": revoked, "means": means }), text.join("\n")))
}

/// What it means for those who verify that a key is taken away.
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

fn unknown(kid: &str, keys: &[StoredKey]) -> anyhow::Error {
    match nearest(kid, keys.iter().map(|key| key.kid.as_str())) {
        Some(near) => anyhow!("there is no key {kid:?}; did you mean {near}?"),
        None => anyhow!("there is no key {kid:?}; `countersign keys list` shows those there are"),
    }
}
