//! Applications that are registered for an algorithm without an active key: it was removed from the configuration, or
//! verifiers have yet to learn its first key.

use super::report::rfc3339;
use crate::db::{Db, DbError};
use crate::keys::operator::find;
use crate::keys::policy::KeyPolicy;
use crate::protocol::client::{Client, SigningAlg};
use crate::store::clients;
use crate::store::signing_keys::{self, KeyState, StoredKey};

/// The most applications that are named.
const NAMED: usize = 20;

/// An algorithm without an active key, its applications, and the remedy.
pub struct Lacking {
    /// The fault, and the applications it concerns.
    pub what: String,
    /// The remedy.
    pub remedy: String,
}

/// Finds applications that have no key to sign their ID Tokens, or will soon have none.
pub async fn lacking(db: &Db, policy: &KeyPolicy) -> Result<Vec<Lacking>, DbError> {
    let clients = clients::list(db).await?;
    let keys = db.read(signing_keys::list).await?;
    let of = |alg: SigningAlg| {
        let (fate, remedy) = fate(&keys, policy, alg)?;
        let is_for_it =
            |client: &&Client| client.metadata.id_token_signed_response_alg.signing() == Some(alg);
        let registered = clients.iter().filter(is_for_it);
        let names: Vec<&str> = registered.map(|client| client.id.as_str()).collect();
        let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = names.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let what = format!("{fate}: these are registered for it: {shown}{more}");
        (!names.is_empty()).then_some(Lacking { what, remedy })
    };
    Ok(SigningAlg::ALL.into_iter().filter_map(of).collect())
}

/// The fault of an algorithm and its remedy; none for an algorithm that is configured and has an active key.
pub fn fate(keys: &[StoredKey], policy: &KeyPolicy, alg: SigningAlg) -> Option<(String, String)> {
    let (name, signs) = (alg.name(), find(keys, alg, KeyState::Active).is_some());
    let again = || {
        format!(
            "name {name} in algorithms under [keys] again, or register the applications anew for another algorithm"
        )
    };
    match (policy.algorithms.contains(&alg), signs) {
        (true, true) => None,
        // The first start makes a key for each algorithm, which signs at once.
        (true, false) if keys.is_empty() => None,
        (true, false) => {
            let from = find(keys, alg, KeyState::Published).and_then(|key| rfc3339(key.until));
            let when = from.map_or("yet".to_owned(), |from| format!("before {from}"));
            let wait = "wait: a new kind of key is shown to verifiers first; `countersign keys list` says until when";
            Some((format!("no {name} key signs {when}, and nobody can sign in until then"), wait.into()))
        }
        (false, true) => Some((
            format!("{name} is not configured, and nobody can sign in once its last key ends"),
            again(),
        )),
        (false, false) => Some((format!("{name} is not configured, and nobody can sign in"), again())),
    }
}
