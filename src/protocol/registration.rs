//! Client metadata under its registered names: what is meant, what cannot be had, what is passed over. One rule for
//! a new client and for a changed one, whatever way either comes in.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::protocol::client::{AuthMethod, Metadata, MetadataFault, SigningAlg, check_id};
use crate::protocol::localized;
use crate::protocol::names::clean;
use crate::protocol::scope::{Scope, is_name};

/// The grant types of every client.
pub const GRANT_TYPES: [&str; 1] = ["authorization_code"];
/// The response types of every client.
pub const RESPONSE_TYPES: [&str; 1] = ["code"];

/// The members that [`Metadata`] keeps, and what each must be.
const KEPT: [(&str, &str); 17] = [
    ("client_name", "a string"),
    ("client_uri", "a string"),
    ("logo_uri", "a string"),
    ("policy_uri", "a string"),
    ("tos_uri", "a string"),
    ("initiate_login_uri", "a string"),
    ("application_type", "\"web\" or \"native\""),
    ("redirect_uris", "a list of strings"),
    ("post_logout_redirect_uris", "a list of strings"),
    ("token_endpoint_auth_method", "\"client_secret_basic\", \"client_secret_post\" or \"none\""),
    ("id_token_signed_response_alg", "\"RS256\", \"ES256\", \"PS256\", \"EdDSA\" or \"Ed25519\""),
    ("scope", "a string, with spaces between the scopes"),
    ("default_max_age", "a whole number of seconds"),
    ("default_acr_values", "a list of strings"),
    ("require_pkce", "true or false"),
    ("allowed_cors_origins", "a list of strings"),
    ("first_party", "true or false"),
];

/// Demands that would be broken silently if they were passed over.
const DEMANDS: [&str; 4] = [
    "require_pushed_authorization_requests",
    "require_signed_request_object",
    "dpop_bound_access_tokens",
    "tls_client_certificate_bound_access_tokens",
];

/// What this provider has for clients.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The scopes that exist.
    pub scopes: Scope,
    /// The algorithms that ID Tokens can be signed with.
    pub algorithms: Vec<SigningAlg>,
    /// Whether http on loopback hosts is allowed.
    pub development: bool,
}

/// A client as it was described.
#[derive(Clone)]
pub struct Registration {
    /// The identifier, when one was given.
    pub id: Option<String>,
    /// The secret, when one was given.
    pub secret: Option<Zeroizing<String>>,
    /// What to store.
    pub metadata: Metadata,
    /// What was passed over, one sentence each.
    pub ignored: Vec<String>,
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

impl Registration {
    /// What becomes of the secret of a client that has one already, or not.
    pub fn secret_change(&self, has_one: bool) -> Result<SecretChange, MetadataFault> {
        let public = self.metadata.token_endpoint_auth_method == AuthMethod::None;
        match (public, &self.secret) {
            (true, Some(_)) => {
                member("a public client (token_endpoint_auth_method none) has no client_secret".into())
            }
            (true, None) if has_one => Ok(SecretChange::Drop),
            (false, Some(given)) => Ok(SecretChange::Take(given.clone())),
            (false, None) if !has_one => Ok(SecretChange::Make),
            (true | false, None) => Ok(SecretChange::Keep),
        }
    }
}

/// A change to what is registered of a client.
#[derive(Clone, Debug, Default)]
pub struct Amendment {
    /// Members that take the place of those there are; null takes a member away.
    pub set: Map<String, Value>,
    /// Values that a member which is a list has more.
    pub add: Vec<(&'static str, String)>,
    /// Values that it has no longer.
    pub remove: Vec<(&'static str, String)>,
}

impl Amendment {
    /// The whole metadata as they are after the change; to be read like those of a new client.
    pub fn apply(&self, current: &Metadata) -> Result<Map<String, Value>, MetadataFault> {
        let Ok(Value::Object(mut members)) = serde_json::to_value(current) else {
            return member("what is registered cannot be read".into());
        };
        members.extend(self.set.clone());
        for (name, value) in &self.remove {
            let values = list(&mut members, name)?;
            let before = values.len();
            values.retain(|known| known != value);
            if values.len() == before {
                return member(format!("{name} has no {value:?}; it has {}", Value::from(values.clone())));
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
    match values.as_array_mut() {
        Some(values) => Ok(values),
        None => member(format!("{name} must be a list of strings")),
    }
}

/// The names of the members that differ.
pub fn changed(before: &Metadata, after: &Metadata) -> Vec<String> {
    let members = |metadata| match serde_json::to_value(metadata) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    let (before, after) = (members(before), members(after));
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let others = after.iter().filter(|(name, value)| before.get(*name) != Some(value)).map(|(name, _)| name);
    gone.chain(others).cloned().collect()
}

/// Tells whether this is a member that is kept, and can be taken away.
pub fn is_kept(name: &str) -> bool {
    KEPT.iter().any(|(kept, _)| *kept == name) || localized::split(name).is_some()
}

/// Reads metadata; refuses what cannot be had, since a client that counts on it would be less safe.
///
/// Spec: RFC 7591 §2, OpenID Connect Registration §2
pub fn read(mut members: Map<String, Value>, offered: &Offered) -> Result<Registration, MetadataFault> {
    // RFC 7591 §2: null is as good as absent.
    members.retain(|_, value| !value.is_null());
    let id = take_text(&mut members, "client_id")?;
    id.as_deref().map_or(Ok(()), check_id)?;
    let secret = take_text(&mut members, "client_secret")?.map(Zeroizing::new);
    secret.as_deref().map_or(Ok(()), |secret| check_secret(secret))?;
    let mut ignored = check_rest(&members)?;
    members.retain(|name, _| is_kept(name));
    for (name, value) in members.iter_mut().filter(|(name, _)| name.split('#').next() == Some("client_name"))
    {
        if let Value::String(text) = value {
            ignored.extend(clean(name, text));
        }
    }
    for (name, expected) in KEPT {
        let Some(value) = members.get(name) else { continue };
        let alone = Value::Object(Map::from_iter([(name.to_owned(), value.clone())]));
        if serde_json::from_value::<Metadata>(alone).is_err() {
            return member(format!("{name} must be {expected}, but is {value}"));
        }
    }
    let texts = members.iter().filter(|(name, _)| localized::split(name).is_some());
    if let Some((name, value)) = texts.into_iter().find(|(_, value)| !value.is_string()) {
        return member(format!("{name} must be a string, but is {value}"));
    }
    if let Some(text) = members.get("scope").and_then(Value::as_str) {
        ignored.extend(check_scope(text, &offered.scopes)?);
    }
    let metadata = serde_json::from_value::<Metadata>(Value::Object(members));
    let metadata = metadata.map_err(|error| MetadataFault::Member(error.to_string()))?;
    metadata.check(offered.development)?;
    let alg = metadata.id_token_signed_response_alg.alg();
    if !offered.algorithms.contains(&alg) {
        return member(format!(
            "id_token_signed_response_alg {} is not configured: name it in algorithms under [keys] first",
            alg.name()
        ));
    }
    Ok(Registration { id, secret, metadata, ignored })
}

fn member<T>(text: String) -> Result<T, MetadataFault> {
    Err(MetadataFault::Member(text))
}

fn take_text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, MetadataFault> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => member(format!("{name} must be a string")),
    }
}

/// Only a hash without salt is stored, so a secret must be one that nobody can guess.
fn check_secret(secret: &str) -> Result<(), MetadataFault> {
    if secret.chars().count() < 32 {
        let said = "client_secret must have at least 32 characters; leave it out to get a new one";
        return member(said.into());
    }
    if secret.len() > 1024 || !secret.bytes().all(|b| (0x20..=0x7E).contains(&b)) {
        return member("client_secret must be at most 1024 printable ASCII characters".into());
    }
    Ok(())
}

/// Goes through the members that are not kept: some say what is so anyway, some cannot be had, the
/// others are passed over with a word.
fn check_rest(members: &Map<String, Value>) -> Result<Vec<String>, MetadataFault> {
    let mut ignored = vec![];
    for (name, value) in members.iter().filter(|(name, _)| !is_kept(name)) {
        match (name.as_str(), value) {
            ("grant_types", value) => only(name, value, &GRANT_TYPES)?,
            ("response_types", value) => only(name, value, &RESPONSE_TYPES)?,
            ("subject_type", Value::String(kind)) if kind == "public" => (),
            ("subject_type", value) => {
                return member(format!("subject_type {value} is not supported; \"public\" is"));
            }
            // Every ID Token has auth_time, and no secret expires.
            ("require_auth_time", Value::Bool(_)) => (),
            ("client_secret_expires_at", Value::Number(at)) if at.as_i64() == Some(0) => (),
            (name, Value::Bool(false)) if DEMANDS.contains(&name) => (),
            (name, _) if DEMANDS.contains(&name) => return member(format!("{name} is not supported")),
            (name, value) if name.ends_with("_alg") || name.ends_with("_enc") => {
                return member(format!("{name} {value} is not supported; leave it out"));
            }
            _ => ignored.push(format!("{name} is not known to this version and was ignored")),
        }
    }
    Ok(ignored)
}

fn only(name: &str, value: &Value, supported: &[&str]) -> Result<(), MetadataFault> {
    let Some(values) = value.as_array().filter(|values| !values.is_empty()) else {
        return member(format!("{name} must be a list of strings"));
    };
    match values.iter().find(|value| !value.as_str().is_some_and(|value| supported.contains(&value))) {
        None => Ok(()),
        Some(other) => member(format!("{name}: {other} is not supported; {:?} is", supported.join(" "))),
    }
}

fn check_scope(text: &str, offered: &Scope) -> Result<Vec<String>, MetadataFault> {
    if let Some(bad) = text.split_whitespace().find(|name| !is_name(name)) {
        return member(format!("scope: {bad:?} cannot be the name of a scope"));
    }
    let scope = Scope::parse(text);
    if scope.is_empty() {
        return member("scope names no scope; leave it out to allow those of OpenID Connect".into());
    }
    let unknown = scope.filter(|name| !offered.has(name));
    let mut words: Vec<String> = unknown
        .names()
        .map(|name| {
            format!("scope {name} is not offered here (these are: {offered}); it will not be granted")
        })
        .collect();
    if !scope.has("openid") {
        words.push("scope lacks openid: the application will get no ID tokens".into());
    }
    Ok(words)
}
