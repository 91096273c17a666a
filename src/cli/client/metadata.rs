//! Client metadata under its registered names: what is meant, what cannot be had, what is passed over.

use anyhow::{anyhow, bail};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::protocol::client::{self, Metadata};
use crate::protocol::localized;
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

/// A client as it was described.
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

/// Reads metadata; refuses what cannot be had, since a client that counts on it would be less safe.
///
/// Spec: RFC 7591 §2, OpenID Connect Registration §2
pub fn read(
    mut members: Map<String, Value>,
    offered: &Scope,
    development: bool,
) -> anyhow::Result<Registration> {
    // RFC 7591 §2: null is as good as absent.
    members.retain(|_, value| !value.is_null());
    let id = take_text(&mut members, "client_id")?;
    id.as_deref().map_or(Ok(()), client::check_id)?;
    let secret = take_text(&mut members, "client_secret")?.map(Zeroizing::new);
    secret.as_deref().map_or(Ok(()), |secret| check_secret(secret))?;
    let mut ignored = check_rest(&members)?;
    members.retain(|name, _| is_kept(name));
    for (name, expected) in KEPT {
        let Some(value) = members.get(name) else { continue };
        let alone = Value::Object(Map::from_iter([(name.to_owned(), value.clone())]));
        if serde_json::from_value::<Metadata>(alone).is_err() {
            bail!("{name} must be {expected}, but is {value}");
        }
    }
    let texts = members.iter().filter(|(name, _)| localized::split(name).is_some());
    if let Some((name, value)) = texts.into_iter().find(|(_, value)| !value.is_string()) {
        bail!("{name} must be a string, but is {value}");
    }
    if let Some(text) = members.get("scope").and_then(Value::as_str) {
        ignored.extend(check_scope(text, offered)?);
    }
    let metadata: Metadata = serde_json::from_value(Value::Object(members))?;
    metadata.check(development)?;
    Ok(Registration { id, secret, metadata, ignored })
}

fn is_kept(name: &str) -> bool {
    KEPT.iter().any(|(kept, _)| *kept == name) || localized::split(name).is_some()
}

fn take_text(members: &mut Map<String, Value>, name: &str) -> anyhow::Result<Option<String>> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => bail!("{name} must be a string"),
    }
}

/// Only a hash without salt is stored, so a secret must be one that nobody can guess.
fn check_secret(secret: &str) -> anyhow::Result<()> {
    if secret.chars().count() < 32 {
        bail!("client_secret must have at least 32 characters; leave it out to get a random one");
    }
    if secret.len() > 1024 || !secret.bytes().all(|b| (0x20..=0x7E).contains(&b)) {
        bail!("client_secret must be at most 1024 printable ASCII characters");
    }
    Ok(())
}

/// Goes through the members that are not kept: some say what is so anyway, some cannot be had, the
/// others are passed over with a word.
fn check_rest(members: &Map<String, Value>) -> anyhow::Result<Vec<String>> {
    let mut ignored = vec![];
    for (name, value) in members.iter().filter(|(name, _)| !is_kept(name)) {
        match (name.as_str(), value) {
            ("grant_types", value) => only(name, value, &GRANT_TYPES)?,
            ("response_types", value) => only(name, value, &RESPONSE_TYPES)?,
            ("subject_type", Value::String(kind)) if kind == "public" => (),
            ("subject_type", value) => bail!("subject_type {value} is not supported; \"public\" is"),
            // Every ID Token has auth_time, and no secret expires.
            ("require_auth_time", Value::Bool(_)) => (),
            ("client_secret_expires_at", Value::Number(at)) if at.as_i64() == Some(0) => (),
            (name, Value::Bool(false)) if DEMANDS.contains(&name) => (),
            (name, _) if DEMANDS.contains(&name) => bail!("{name} is not supported"),
            (name, value) if name.ends_with("_alg") || name.ends_with("_enc") => {
                bail!("{name} {value} is not supported; leave it out");
            }
            _ => ignored.push(format!("{name} is not known to this version and was ignored")),
        }
    }
    Ok(ignored)
}

fn only(name: &str, value: &Value, supported: &[&str]) -> anyhow::Result<()> {
    let values = value.as_array().filter(|values| !values.is_empty());
    let values = values.ok_or_else(|| anyhow!("{name} must be a list of strings"))?;
    match values.iter().find(|value| !value.as_str().is_some_and(|value| supported.contains(&value))) {
        None => Ok(()),
        Some(other) => bail!("{name}: {other} is not supported; {:?} is", supported.join(" ")),
    }
}

fn check_scope(text: &str, offered: &Scope) -> anyhow::Result<Vec<String>> {
    if let Some(bad) = text.split_whitespace().find(|name| !is_name(name)) {
        bail!("scope: {bad:?} cannot be the name of a scope");
    }
    let scope = Scope::parse(text);
    if scope.is_empty() {
        bail!("scope names no scope; leave it out to allow those of OpenID Connect");
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
