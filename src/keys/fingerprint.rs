//! The database records the fingerprint of the instance key that seals it, and no other key is accepted.

use super::KeyError;
use super::instance::{InstanceKeys, Source};
use crate::db::Db;
use crate::store::facts;

/// The name of the fact that holds the fingerprint.
pub const FACT: &str = "instance_key";

/// Reads the instance keys and compares them with the fingerprint in the database; records it in a database that
/// has none yet. A key is made only for a default file beside an embedded database.
pub fn instance_keys_for(db: &Db, source: &Source) -> Result<InstanceKeys, KeyError> {
    let recorded = db.read_now(|conn| facts::get(conn, FACT))?;
    let found = InstanceKeys::read(source)?;
    match (found, recorded) {
        (Some(keys), Some(recorded)) => check(db, keys, &recorded),
        (None, Some(recorded)) => Err(KeyError::Instance(format!(
            "{} needs instance key {recorded}, and {} does not exist; bring the key back from its copy",
            db.shown_url(),
            place(source)
        ))),
        (Some(keys), None) => record(db, keys),
        (None, None) => match source {
            Source::File { path, may_create: true } if db.is_embedded() => {
                record(db, InstanceKeys::create(path)?)
            }
            _ => Err(KeyError::Instance(format!(
                "there is no instance key at {}; make one with `countersign keys init` and give it to every node",
                place(source)
            ))),
        },
    }
}

/// Accepts the keys if one of them has the recorded fingerprint.
pub(super) fn check(db: &Db, keys: InstanceKeys, recorded: &str) -> Result<InstanceKeys, KeyError> {
    let at_hand = keys.fingerprints();
    if at_hand.iter().any(|key| key == recorded) {
        return Ok(keys);
    }
    Err(KeyError::Instance(format!(
        "{} was sealed with instance key {recorded}, but the one at hand is {}; bring the right key back",
        db.shown_url(),
        at_hand.join(", ")
    )))
}

/// Records the fingerprint. Of several nodes that start at once with different keys, the first one wins.
fn record(db: &Db, keys: InstanceKeys) -> Result<InstanceKeys, KeyError> {
    let fingerprint = keys.first().fingerprint();
    let recorded = db.write_now(|conn| facts::get_or_insert(conn, FACT, &fingerprint))?;
    check(db, keys, &recorded)
}

fn place(source: &Source) -> String {
    match source {
        Source::Given(_) => "COUNTERSIGN_INSTANCE_KEY".into(),
        Source::File { path, .. } => path.display().to_string(),
    }
}
