//! `countersign keys rotate` and `revoke`: another key signs, in order or at once.

use anyhow::{anyhow, bail};
use clap::Args;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::when;
use crate::cli::context::{ACTOR, Context, Opened};
use crate::cli::report::Report;
use crate::cli::words::nearest;
use crate::clock::span;
use crate::keys::by_hand::{self, find};
use crate::keys::jose::KeyPair;
use crate::keys::opened::instance_of;
use crate::keys::policy::KeyPolicy;
use crate::keys::rotation::Step;
use crate::keys::steps;
use crate::keys::upkeep::sealed;
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
        help = "At once, even if verifiers do not know the next key yet; the key before goes on verifying (`revoke` takes a key away)"
    )]
    now: bool,
    #[arg(long, help = "Do it: without this, --now only says what it would mean")]
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
    SigningAlg::from_name(name).ok_or_else(|| "it is none of RS256, ES256, PS256 and EdDSA".into())
}

pub(super) fn rotate(flags: &Rotate, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    let keys = opened.db.read_now(signing_keys::list)?;
    let rings = SigningAlg::ALL.into_iter().filter(|alg| find(&keys, *alg, KeyState::Active).is_some());
    let rings: Vec<SigningAlg> = rings.filter(|alg| flags.alg.is_none_or(|only| only == *alg)).collect();
    if rings.is_empty() {
        bail!("there is no key that signs; `countersign keys list` shows those there are");
    }
    let said = if flags.now {
        let meaning = |alg: &SigningAlg| {
            format!("{} {}", meaning(&keys, *alg, &opened.config.keys, context.now()), stays(&keys, *alg))
        };
        let means: Vec<String> = rings.iter().map(meaning).collect();
        if !flags.yes {
            return Ok(unconfirmed(&means.join("\n")));
        }
        let turns = rings.iter().map(|alg| at_once(&opened, &keys, *alg, context));
        turns.collect::<anyhow::Result<Vec<_>>>()?
    } else {
        rings.iter().map(|alg| in_order(&opened, *alg, context)).collect::<anyhow::Result<Vec<_>>>()?
    };
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
            let done = steps::take(conn, &Step::Activate { kid: spare.kid.clone(), replaces }, policy, now)?;
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

/// What becomes of the key that signed so far.
fn stays(keys: &[StoredKey], alg: SigningAlg) -> String {
    let before = find(keys, alg, KeyState::Active).map(|key| key.kid.as_str()).unwrap_or_default();
    format!(
        "{before} signs no more and stays public until its tokens have expired. If somebody may have a copy of it, that \
         is not enough: `countersign keys revoke {before}` has it refused at once."
    )
}

fn unconfirmed(means: &str) -> Report {
    let fault = Some("nothing was changed; say --yes to do it".to_owned());
    Report { fault, ..Report::new(json!({ "done": false, "means": means }), means.to_owned()) }
}

fn at_once(opened: &Opened, keys: &[StoredKey], alg: SigningAlg, context: &Context) -> anyhow::Result<Value> {
    let fresh = fresh(opened, keys, alg, context)?;
    let (policy, now) = (&opened.config.keys, context.now());
    let next =
        opened.db.write_now(|conn| by_hand::rotate_now(conn, alg, fresh.as_ref(), policy, ACTOR, now))?;
    let words = format!(
        "{}: {} signs now, on every node within 5 seconds. {}",
        alg.name(),
        next.as_deref().unwrap_or("no key"),
        stays(keys, alg)
    );
    Ok(json!({ "alg": alg.name(), "state": "done", "kid": next, "said": words }))
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
    let instance = instance_of(&opened.db, &opened.config.instance_key)?;
    let pair = KeyPair::generate(alg, opened.config.keys.rsa_bits)?;
    Ok(Some(sealed(alg, &pair, KeyState::Active, &instance, context.now())))
}

pub(super) fn revoke(flags: &Revoke, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    let keys = opened.db.read_now(signing_keys::list)?;
    let key = keys.iter().find(|key| key.kid == flags.kid).ok_or_else(|| unknown(&flags.kid, &keys))?;
    let is_active = key.state == KeyState::Active.name();
    let alg = SigningAlg::from_name(&key.alg).filter(|_| is_active);
    let mut means = format!(
        "{} ({}, {}) is destroyed: every token it signed is refused, here within 5 seconds, and at verifiers when they \
         fetch the key set again, at the latest in {}. Until then tokens made with a stolen copy still pass there. \
         People stay signed in; applications whose tokens are refused need new ones.",
        key.kid,
        key.alg,
        key.state,
        span(opened.config.keys.jwks_max_age.whole_seconds())
    );
    if let Some(alg) = alg {
        means = means + "\n" + &meaning(&keys, alg, &opened.config.keys, context.now());
    }
    if !flags.yes {
        return Ok(unconfirmed(&means));
    }
    let fresh = alg.map(|alg| fresh(&opened, &keys, alg, context)).transpose()?.flatten();
    let (policy, now) = (&opened.config.keys, context.now());
    let next = opened.db.write_now(|conn| by_hand::revoke(conn, key, fresh.as_ref(), policy, ACTOR, now))?;
    let mut text = format!("Revoked {}: out of the public set on every node within 5 seconds.", key.kid);
    if let Some(next) = &next {
        text = text + "\n" + next + " signs in its place.";
    }
    Ok(Report::new(json!({ "done": true, "revoked": key.kid, "signs": next, "means": means }), text))
}

fn unknown(kid: &str, keys: &[StoredKey]) -> anyhow::Error {
    match nearest(kid, keys.iter().map(|key| key.kid.as_str())) {
        Some(near) => anyhow!("there is no key {kid:?}; did you mean {near}?"),
        None => anyhow!("there is no key {kid:?}; `countersign keys list` shows those there are"),
    }
}
