//! A change to the registration of a client, by the same rules as a new one.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Offered, Registration, read};
use crate::protocol::client::{Client, ClientSecret, Metadata, MetadataFault, Problem, Secrets};

/// A change to the registration of a client. Members that it does not name stay as they are.
#[derive(Clone, Debug, Default)]
pub struct Amendment {
    /// Members to replace; null removes a member.
    pub set: Map<String, Value>,
    /// Values to add to members that are lists.
    pub add: Vec<(&'static str, String)>,
    /// Values to remove from members that are lists.
    pub remove: Vec<(&'static str, String)>,
}

/// The change to a client's secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretChange {
    /// It stays as it is; for a public client, absent.
    Keep,
    /// A new one is made: the client needs one and has none that serves.
    Make,
    /// This one replaces it.
    Take(Zeroizing<String>),
    /// It is removed: the client has no use for one.
    Drop,
}

impl Amendment {
    /// The description of the client after the change.
    pub fn read(&self, client: &Client, offered: &Offered) -> Result<Registration, MetadataFault> {
        let registration = read(self.apply(&client.metadata)?, offered)?;
        match registration.id.as_deref().filter(|other| *other != client.id) {
            Some(other) => {
                let problem = Problem::Fixed(other.to_owned(), client.id.clone());
                Err(MetadataFault::new("client_id", problem))
            }
            None => Ok(registration),
        }
    }

    /// All members after the change, to be read like those of a new client.
    fn apply(&self, current: &Metadata) -> Result<Map<String, Value>, MetadataFault> {
        let mut members = members(current);
        members.extend(self.set.clone());
        for (name, value) in &self.remove {
            let values = list(&mut members, name)?;
            let before = values.len();
            values.retain(|known| known != value);
            if values.len() == before {
                let there = Value::from(values.clone()).to_string();
                return Err(MetadataFault::new(name, Problem::NotThere(value.clone(), there)));
            }
        }
        for (name, value) in &self.add {
            let values = list(&mut members, name)?;
            if !values.iter().any(|known| known == value) {
                values.push(value.as_str().into());
            }
        }
        Ok(members)
    }
}

fn list<'a>(members: &'a mut Map<String, Value>, name: &str) -> Result<&'a mut Vec<Value>, MetadataFault> {
    let values = members.entry(name).or_insert_with(|| Value::Array(vec![]));
    let kind = || MetadataFault::new(name, Problem::Expected("a list of strings", None));
    values.as_array_mut().ok_or_else(kind)
}

impl Registration {
    /// The change to the secrets of a client that has these. One of which only the hash is kept is of no use to a client
    /// that needs it for MACs.
    pub fn secret_change(&self, secrets: &Secrets) -> SecretChange {
        let serves = |secret: &ClientSecret| secret.sealed.is_some() || !self.metadata.needs_secret_back();
        match (&self.secret, secrets.newest()) {
            (Some(given), _) => SecretChange::Take(given.clone()),
            (None, Some(_)) if !self.metadata.has_secret() => SecretChange::Drop,
            (None, Some(newest)) if serves(newest) => SecretChange::Keep,
            (None, None) if !self.metadata.has_secret() => SecretChange::Keep,
            (None, _) => SecretChange::Make,
        }
    }
}

/// The names of the members that differ.
pub fn changed(before: &Metadata, after: &Metadata) -> Vec<String> {
    let (before, after) = (members(before), members(after));
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let others = after.iter().filter(|(name, value)| before.get(*name) != Some(value)).map(|(name, _)| name);
    gone.chain(others).cloned().collect()
}

/// Metadata under their registered names.
pub(super) fn members(metadata: &Metadata) -> Map<String, Value> {
    match serde_json::to_value(metadata) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}
