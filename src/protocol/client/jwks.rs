//! The public keys of a client as it registers or publishes them.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

/// How many keys a set may hold: each is parsed, which takes a tenth of a millisecond.
const MOST: usize = 30;
/// Members that only a private or a symmetric key has.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A set of public keys. No private member gets into it.
///
/// Spec: RFC 7517 §5
#[derive(Clone, Debug, PartialEq)]
pub struct JwkSet {
    /// The keys, as they were written.
    pub keys: Vec<Map<String, Value>>,
}

/// What is wrong with a set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkSetFault {
    /// It has another form.
    #[error("it is no JWK set: an object with a list \"keys\"")]
    NoSet,
    /// One of its keys has another form.
    #[error("one of its keys is no JWK: an object with a kty")]
    NoKey,
    /// One of its keys is not public.
    #[error(
        "one of its keys is private or symmetric: publish the public part alone, and use no such key again"
    )]
    Private,
    /// It is empty.
    #[error("it holds no key")]
    Empty,
    /// It has too many keys.
    #[error("it holds more than 30 keys")]
    TooMany,
}

impl JwkSet {
    /// Reads a set.
    pub fn read(set: &Value) -> Result<JwkSet, JwkSetFault> {
        let keys = set.get("keys").and_then(Value::as_array).ok_or(JwkSetFault::NoSet)?;
        if keys.is_empty() {
            return Err(JwkSetFault::Empty);
        }
        if keys.len() > MOST {
            return Err(JwkSetFault::TooMany);
        }
        let key = |key: &Value| {
            let members = key.as_object().filter(|members| members.get("kty").is_some_and(Value::is_string));
            let members = members.ok_or(JwkSetFault::NoKey)?;
            if PRIVATE.iter().any(|name| members.contains_key(*name)) {
                return Err(JwkSetFault::Private);
            }
            Ok(members.clone())
        };
        Ok(JwkSet { keys: keys.iter().map(key).collect::<Result<_, _>>()? })
    }
}

impl Serialize for JwkSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json!({ "keys": self.keys }).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JwkSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<JwkSet, D::Error> {
        JwkSet::read(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
