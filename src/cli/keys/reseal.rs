//! `countersign keys reseal`: a new instance key takes over.

use anyhow::anyhow;
use serde_json::json;

use crate::cli::context::{ACTOR, Context};
use crate::cli::report::Report;
use crate::keys::fingerprint::instance_keys_for;
use crate::keys::operator;

pub(super) const EXAMPLES: &str = "To replace the instance key, on every node:
  1. add the new key (countersign keys init --print) beneath the old one, and restart
  2. put the new key first, and restart
  3. countersign keys reseal          (once)
  4. remove the old key, and restart

Example:
  countersign keys reseal";

pub(super) fn reseal(context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    let instance = instance_keys_for(&opened.db, &opened.config.instance_key)?;
    let (policy, now) = (&opened.config.keys, context.now());
    let count = opened.db.write_now(|conn| operator::reseal(conn, &instance, policy, ACTOR, now))?;
    let count = count.map_err(|why| anyhow!("{why}; nothing was changed"))?;
    let fingerprints = instance.fingerprints();
    let first = fingerprints.first().cloned().unwrap_or_default();
    let text = format!(
        "Sealed {count} keys and secrets with instance key {first}. When every node has been restarted with that key \
         first, the others can be removed."
    );
    Ok(Report::new(json!({ "instance_key": first, "sealed": count }), text))
}
