//! People whose names or addresses break rules that are younger than their accounts. They are reported, not changed.

use super::finding::Finding;
use crate::db::Db;
use crate::store::names::{Clashes, clashes};
use crate::store::survey::survey;

const CHECK: &str = "people";
/// The most people named in one finding.
const NAMED: usize = 10;

pub(super) fn check(db: Option<&Db>) -> Vec<Finding> {
    let Some(db) = db else { return vec![] };
    // Another check reports a database that cannot be read.
    if !db.read_now(survey).is_ok_and(|survey| survey.has_tables) {
        return vec![];
    }
    match db.read_now(clashes) {
        Ok(clashes) => found(&clashes),
        Err(error) => {
            let remedy = "start this version of the server once: it brings the tables up to date";
            vec![Finding::warning(CHECK, format!("they cannot be looked at: {error}"), remedy)]
        }
    }
}

fn found(clashes: &Clashes) -> Vec<Finding> {
    let Clashes { alike, shadowed, shared, contradicting } = clashes;
    let mut found = vec![];
    let mut warn = |what: &str, named: Vec<String>, remedy: &str| {
        if !named.is_empty() {
            let more = named.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let first = named.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
            found.push(Finding::warning(CHECK, format!("{what}: {first}{more}"), remedy));
        }
    };
    warn(
        "login names that look like those of others",
        alike.iter().map(|(one, other, sub)| format!("{other:?} ({sub}) like {one:?}")).collect(),
        "give one of each two another name: countersign user update SUB --login NAME",
    );
    warn(
        "login names that cannot sign in, because as typed they are another person's",
        shadowed.iter().map(|(login, sub)| format!("{login:?} ({sub})")).collect(),
        "give them another name: countersign user update SUB --login NAME",
    );
    warn(
        "e-mail addresses verified for several people, who do not sign in with them",
        shared.iter().map(|(address, logins)| format!("{address} of {}", logins.join(" and "))).collect(),
        "leave the address with one of them: countersign user update LOGIN --email ADDRESS, or --clear email",
    );
    warn(
        "people whose preferred_username is not their login name",
        contradicting.iter().map(|(login, told)| format!("{login} is told as {told:?}")).collect(),
        "take it away, and it is the login name: countersign user update LOGIN --clear preferred_username",
    );
    if found.is_empty() {
        found.push(Finding::ok(CHECK, "login names and addresses tell people apart"));
    }
    found
}
