//! `countersign doctor`: checks everything that an installation needs, and changes nothing. Each finding has a remedy.

mod configuration; // the configuration, and the files it names
mod finding; // the finding of a check, and the report
mod keys; // the instance key and the signing keys
mod outside; // the certificate, and the issuer's own address
mod people; // names and addresses that are not unique
mod proxies; // trusted proxies
mod resources; // declarations that exclude one another or cannot be served
mod stores; // the database and the state store

use clap::Args;

use super::context::Context;
use super::report::Report;
use finding::Finding;

/// The options; everything else is in the configuration.
#[derive(Args)]
pub struct Doctor {
    /// Do not ask whether the issuer answers, for instance before the first start
    #[arg(long)]
    offline: bool,
}

/// Carries out all checks. The answer is yes when there is no problem; warnings do not change it.
pub async fn run(doctor: Doctor, context: &Context) -> Report {
    let config = match context.config() {
        Ok(config) => config,
        Err(error) => {
            let mended = "correct it; docs/OPERATIONS.md lists every setting";
            return finding::report(&[Finding::problem("configuration", error.to_string(), mended)]);
        }
    };
    let now = context.now();
    let db = stores::attach(&config);
    let mut found = configuration::check(&config);
    found.extend(proxies::set(&config));
    found.extend(stores::database(&config, db.as_ref(), now).await);
    found.extend(stores::state(&config, db.as_ref(), now).await);
    found.extend(proxies::heard(db.as_ref(), now));
    found.extend(keys::check(&config, db.as_ref()));
    found.extend(keys::signing(&config, db.as_ref(), now).await);
    let (resources, findings) = resources::check(&config, db.as_ref()).await;
    found.extend(findings);
    found.extend(people::check(db.as_ref()));
    found.extend(outside::certificate(&config, now));
    if !doctor.offline {
        found.extend(outside::issuer(&config, &resources).await);
    }
    finding::report(&found)
}
