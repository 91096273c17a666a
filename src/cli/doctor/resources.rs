//! Resources: rows that the configuration file excludes, and declarations that cannot be served.

use super::finding::Finding;
use crate::config::Config;
use crate::db::Db;
use crate::protocol::resource::Resources;
use crate::store::resources;

const CHECK: &str = "resources";

/// All resources, as far as the database can be read, and what is wrong with them.
pub(super) async fn check(config: &Config, db: Option<&Db>) -> (Resources, Vec<Finding>) {
    // Another check reports a database that cannot be read.
    let rows = match db {
        Some(db) => resources::list(db).await.unwrap_or_default(),
        None => vec![],
    };
    let all = config.resources.and(rows);
    let mut found = vec![];
    for row in all.shadowed() {
        found.push(Finding::warning(
            CHECK,
            format!("{:?} was added, and is not in force: it {}", row.uri, row.by),
            format!("remove one of the two; for the row: countersign resource remove {}", row.uri),
        ));
    }
    for resource in all.iter().filter(|resource| resource.place.is_none()) {
        if let Err(fault) = resource.check(&config.issuer, &config.keys.algorithms) {
            let remedy = format!("correct it: countersign resource update {}", resource.uri);
            found.push(Finding::problem(CHECK, fault.to_string(), remedy));
        }
    }
    if found.is_empty() && all.iter().next().is_some() {
        found.push(Finding::ok(CHECK, format!("{} declared", all.iter().count())));
    }
    (all, found)
}
