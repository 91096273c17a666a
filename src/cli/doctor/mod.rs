//! `countersign doctor`: looks at everything an installation needs, changes nothing, and says of each thing
//! whether it is well and, if not, what to do.

mod configuration; // what was set, and the files it names
mod finding; // what a check found, and how it is shown
mod keys; // the instance key, what it has to open, and whether signing goes on
mod outside; // what others see of us
mod people; // names and addresses that are not unique
mod proxies; // whose word is taken
mod stores; // the database and the state store

use clap::Args;

use super::context::Context;
use super::report::Report;
use finding::Finding;

/// What is wanted of it; the configuration says all else.
#[derive(Args)]
pub struct Doctor {
    /// Do not ask whether the issuer answers, for instance before the first start
    #[arg(long)]
    offline: bool,
}

/// Carries out all checks. The answer is yes when no problem was found; warnings do not change it.
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
    found.extend(people::check(db.as_ref()));
    found.extend(outside::certificate(&config, now));
    if !doctor.offline {
        found.extend(outside::issuer(&config).await);
    }
    finding::report(&found)
}
