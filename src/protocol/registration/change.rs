//! A change to what is registered of a client, by the rule for a new one.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Offered, Registration, read};
use crate::protocol::client::{AuthMethod, Client, Metadata, MetadataFault, Problem};

/// A change to what is registered of a client. Members that it does not name stay as they are.
#[derive(Clone, Debug, Default)]
pub struct Amendment {
    /// Members that take the place of those there are; null takes a member away.
    pub set: Map<String, Value>,
    /// Values that a member which is a list has more.
    pub add: Vec<(&'static str, String)>,
    /// Values that it has no longer.
    pub remove: Vec<(&'static str, String)>,
}

/// What becomes of a client's secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretChange {
    /// It stays as it is; for a public client, absent.
    Keep,
    /// One has to be made: the client is to prove itself and has none.
    Make,
    /// This one takes its place.
    Take(Zeroizing<String>),
    /// It goes: a public client has none.
    Drop,
}

impl Amendment {
    /// The client as it is described after the change.
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

    /// All members as they are after the change; to be read like those of a new client.
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
    /// What becomes of the secret of a client that has one already, or not.
    pub fn secret_change(&self, has_one: bool) -> SecretChange {
        let public = self.metadata.token_endpoint_auth_method == AuthMethod::None;
        match &self.secret {
            Some(given) => SecretChange::Take(given.clone()),
            None if public && has_one => SecretChange::Drop,
            None if public || has_one => SecretChange::Keep,
            None => SecretChange::Make,
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
