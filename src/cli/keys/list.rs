//! `countersign keys list`

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::when;
use crate::cli::context::{Context, Opened};
use crate::cli::report::{Report, table};
use crate::keys::fingerprint::FACT;
use crate::keys::policy::KeyPolicy;
use crate::store::facts;
use crate::store::signing_keys::{self, KeyState, StoredKey};

pub(super) fn list(context: &Context) -> anyhow::Result<Report> {
    let (stored, instance, policy) = match context.open_if_there()? {
        None => (vec![], None, None),
        Some(Opened { db, config, .. }) => {
            let read = |conn: &mut _| Ok((signing_keys::list(conn)?, facts::get(conn, FACT)?));
            let (stored, instance) = db.read_now(read)?;
            (stored, instance, Some(config.keys))
        }
    };
    let described = |key| described(key, policy.as_ref());
    let keys: Vec<Value> = stored.iter().map(described).collect();
    let column =
        |key: &Value, name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let names = ["kid", "alg", "state", "since", "until", "does", "sealed_by"];
    let rows: Vec<[String; 7]> = keys.iter().map(|key| names.map(|name| column(key, name))).collect();
    let mut text = if rows.is_empty() {
        format!(
            "There are no signing keys yet: the first `countersign serve{}` makes them.\n",
            context.same_config()
        )
    } else {
        table(["KID", "ALG", "STATE", "SINCE", "UNTIL", "DOES", "SEALED BY"], &rows)
    };
    if let Some(instance) = &instance {
        text = text + "\nThe database is sealed with instance key " + instance + ".";
    }
    Ok(Report::new(json!({ "keys": keys, "instance_key": instance }), text))
}

fn described(key: &StoredKey, policy: Option<&KeyPolicy>) -> Value {
    let sealed_by = key.private_sealed.as_deref().and_then(|sealed| sealed.first_chunk::<8>());
    json!({
        "kid": key.kid,
        "alg": key.alg,
        "state": key.state,
        "since": when(key.since),
        "until": policy.and_then(|policy| until(key, policy)).map(when),
        "does": does(&key.state),
        "sealed_by": sealed_by.map(|id| HEXLOWER.encode(id)),
    })
}

/// When the state ends, by the stored promises and the present policy.
fn until(key: &StoredKey, policy: &KeyPolicy) -> Option<i64> {
    match KeyState::from_name(&key.state)? {
        KeyState::Active if key.until != 0 => Some(key.until),
        KeyState::Active => Some(key.since + policy.rotate_every.whole_seconds()),
        KeyState::Published | KeyState::Retiring => Some(key.until),
        KeyState::Retained => Some(key.since + policy.retain.whole_seconds()),
        KeyState::Pending | KeyState::Destroyed => None,
    }
}

/// The use of a key in each state.
fn does(state: &str) -> &'static str {
    match KeyState::from_name(state) {
        Some(KeyState::Pending) => "waits to be published",
        Some(KeyState::Published) => "is published, and may sign from then on",
        Some(KeyState::Active) => "signs and is published",
        Some(KeyState::Retiring) => "is published, signs no more",
        Some(KeyState::Retained) => "recognises old ID tokens only",
        Some(KeyState::Destroyed) => "is good for nothing",
        None => "is in a state this version does not know",
    }
}
