//! `countersign keys reseal`: sealing the database with a new instance key.

use serde_json::json;

use crate::cli::context::Context;
use crate::cli::report::Report;
use crate::operations::keys::{self, Resealed};

pub(super) const EXAMPLES: &str = "To replace the instance key, on every node:
  1. add the new key (countersign keys init --print) beneath the old one, and restart
  2. put the new key first, and restart
  3. countersign keys reseal          (once)
  4. remove the old key, and restart

Example:
  countersign keys reseal";

pub(super) fn reseal(context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    let resealed = keys::reseal(&opened.operation(context.now()), opened.installation())?;
    let Resealed { instance_key: first, count } = resealed;
    let text = format!(
        "Sealed {count} keys and secrets with instance key {first}. When every node has been restarted with that key \
         first, the others can be removed."
    );
    Ok(Report::new(json!({ "instance_key": first, "sealed": count }), text))
}
