//! The instance key, the keys sealed with it, and the rotation of signing keys.

use data_encoding::HEXLOWER;
use time::OffsetDateTime;

use super::finding::Finding;
use crate::cli::algorithms::{Lacking, fate, lacking};
use crate::cli::report::rfc3339;
use crate::clock::span;
use crate::config::Config;
use crate::db::Db;
use crate::keys::fingerprint::FACT;
use crate::keys::instance::{InstanceKeys, Source};
use crate::keys::plan::{outlook, records};
use crate::protocol::instant::seconds_since;
use crate::store::{facts, signing_keys};

const CHECK: &str = "instance key";
const SIGNING: &str = "signing keys";
/// How long a key may sign before the next one must be public, in seconds.
const SPARE_AFTER: i64 = 300;

/// Whether the signing keys are rotated, and every application has one.
pub(super) async fn signing(config: &Config, db: Option<&Db>, now: OffsetDateTime) -> Vec<Finding> {
    let mut found: Vec<Finding> = hints(config).into_iter().collect();
    // Another check reports a database that cannot be read.
    let Some((db, stored)) = db.and_then(|db| Some((db, db.read_now(signing_keys::list).ok()?))) else {
        return found;
    };
    for ring in outlook(&records(&stored), &config.keys) {
        let (name, next) = (ring.alg.name(), rfc3339(ring.next).unwrap_or_default());
        if fate(&stored, &config.keys, ring.alg).is_some() {
            continue;
        }
        found.push(if ring.has_spare {
            Finding::ok(SIGNING, format!("{name}: {} signs; the next key takes over at {next}", ring.kid))
        } else if seconds_since(ring.since, now.unix_timestamp()).is_some_and(|age| age < SPARE_AFTER) {
            Finding::ok(SIGNING, format!("{name}: {} signs; the next key is about to be made", ring.kid))
        } else {
            Finding::warning(
                SIGNING,
                format!("{name}: no next key is public, so that none could take over in an emergency"),
                "let `serve` run: it makes one within seconds and says so in its log, or why it cannot",
            )
        });
    }
    match lacking(db, &config.keys).await {
        Ok(lacking) => {
            let warn = |Lacking { what, remedy }| Finding::warning(SIGNING, what, remedy);
            found.extend(lacking.into_iter().map(warn));
        }
        Err(error) => {
            let remedy =
                "remove the application that is named and add it again, or serve with the newer program";
            found.push(Finding::problem(
                SIGNING,
                format!("the applications cannot be read: {error}"),
                remedy,
            ));
        }
    }
    found
}

/// At sign-out an application sends an ID token as a hint, which may be as old as the session.
fn hints(config: &Config) -> Option<Finding> {
    let (policy, longest) = (&config.keys, config.lifetimes.session.remembered);
    let kept = policy.publish_after + policy.retain;
    let what = format!(
        "publish_after and retain end {} after a key signed for the last time, and people stay signed in for up to {}: \
         ID tokens that come back as hints later than that are refused",
        span(kept.whole_seconds()),
        span(longest.whole_seconds())
    );
    let remedy = format!("set retain under [keys] to at least {}", longest.whole_seconds());
    (kept < longest).then(|| Finding::warning(SIGNING, what, remedy))
}

pub(super) fn check(config: &Config, db: Option<&Db>) -> Vec<Finding> {
    // Another check reports a database that cannot be read. One without tables has no key yet.
    let recorded =
        db.and_then(|db| db.read_now(|conn| Ok((facts::get(conn, FACT)?, signing_keys::list(conn)?))).ok());
    let (sealed_by, signing) = recorded.unwrap_or_default();
    let keys = match InstanceKeys::read(&config.instance_key) {
        Ok(Some(keys)) => keys,
        Ok(None) => return vec![missing(config, sealed_by.as_deref())],
        Err(error) => return vec![Finding::problem(CHECK, error.to_string(), "give it as it was made")],
    };
    let at_hand = keys.fingerprints();
    if let Some(needed) = sealed_by.filter(|needed| !at_hand.contains(needed)) {
        let what = format!("the database is sealed with {needed}, and only {} is here", at_hand.join(", "));
        return vec![Finding::problem(CHECK, what, "bring that key back: nothing else opens what is sealed")];
    }
    let others = signing.iter().filter(|key| {
        let sealed = key.private_sealed.as_deref().and_then(|sealed| sealed.first_chunk::<8>());
        sealed.is_some_and(|id| !at_hand.contains(&HEXLOWER.encode(id)))
    });
    let closed: Vec<&str> = others.map(|key| key.kid.as_str()).collect();
    if closed.is_empty() {
        return vec![Finding::ok(CHECK, format!("{}; opens all signing keys", at_hand.join(", ")))];
    }
    let what = format!("it does not open these signing keys: {}", closed.join(", "));
    vec![Finding::problem(CHECK, what, "list the key that sealed them as well, after the present one")]
}

fn missing(config: &Config, sealed_by: Option<&str>) -> Finding {
    let path = match &config.instance_key {
        Source::File { path, .. } => path.display().to_string(),
        Source::Given(_) => String::new(),
    };
    match (sealed_by, &config.instance_key) {
        (Some(needed), _) => Finding::problem(
            CHECK,
            format!("{path} is missing, and the database is sealed with {needed}"),
            "bring that key back: nothing else opens what is sealed",
        ),
        (None, Source::File { may_create: true, .. })
            if matches!(config.database, crate::db::Url::Sqlite(_)) =>
        {
            Finding::ok(CHECK, format!("{path} is not there yet; the first `serve` makes it"))
        }
        (None, _) => Finding::problem(
            CHECK,
            format!("there is none at {path}"),
            "make one with `countersign keys init` and give it to every node",
        ),
    }
}
