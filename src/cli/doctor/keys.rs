//! The instance key, and what it has to open.

use data_encoding::HEXLOWER;

use super::finding::Finding;
use crate::config::Config;
use crate::db::Db;
use crate::keys::instance::{InstanceKeys, Source};
use crate::keys::opened::FACT;
use crate::store::{facts, signing_keys};

const CHECK: &str = "instance key";

pub(super) fn check(config: &Config, db: Option<&Db>) -> Vec<Finding> {
    // A database that cannot be asked was complained about; one without tables has no key yet.
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
