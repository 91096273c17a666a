//! Client metadata under its registered names: which members are kept, refused or ignored. One rule for new
//! and for changed clients, whichever way they are registered.

mod change; // a change to a client, by the same rules as a new one

use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

pub use change::{Amendment, SecretChange, changed};

use crate::protocol::client::{
    Client, JwkSet, JwkSetFault, Metadata, MetadataFault, NamedAlg, Problem, SigningAlg, check_id,
};
use crate::protocol::family;
use crate::protocol::grant_type::GrantType;
use crate::protocol::lifetimes::{check_access_token, check_id_token};
use crate::protocol::localized;
use crate::protocol::names::clean;
use crate::protocol::scope::{OFFLINE, Scope, is_name};

/// The response types of every client that uses codes; any other client has none.
pub const RESPONSE_TYPES: [&str; 1] = ["code"];

/// The members that [`Metadata`] keeps, with the expected form of each.
const KEPT: [(&str, &str); 28] = [
    ("client_name", "a string"),
    ("client_uri", "a string"),
    ("logo_uri", "a string"),
    ("policy_uri", "a string"),
    ("tos_uri", "a string"),
    ("initiate_login_uri", "a string"),
    ("application_type", "\"web\" or \"native\""),
    ("redirect_uris", "a list of strings"),
    ("post_logout_redirect_uris", "a list of strings"),
    ("grant_types", "a list of strings"),
    (
        "token_endpoint_auth_method",
        "\"client_secret_basic\", \"client_secret_post\", \"client_secret_jwt\", \"private_key_jwt\" or \"none\"",
    ),
    ("token_endpoint_auth_signing_alg", ALGORITHMS),
    ("jwks", "a JWK set"),
    ("jwks_uri", "a string"),
    ("assertion_audience", "\"issuer\" or \"issuer_or_token_endpoint\""),
    ("id_token_signed_response_alg", ALGORITHMS),
    ("userinfo_signed_response_alg", "\"RS256\", \"ES256\", \"PS256\", \"EdDSA\" or \"Ed25519\""),
    ("subject_type", "\"public\" or \"pairwise\""),
    ("sector_identifier_uri", "a string"),
    ("scope", "a string, with spaces between the scopes"),
    ("default_max_age", "a whole number of seconds"),
    ("require_auth_time", "true or false"),
    ("default_acr_values", "a list of strings"),
    ("require_pkce", "true or false"),
    ("allowed_cors_origins", "a list of strings"),
    ("first_party", "true or false"),
    ("access_token_ttl", "a whole number of seconds"),
    ("id_token_ttl", "a whole number of seconds"),
];

const ALGORITHMS: &str = "\"RS256\", \"ES256\", \"PS256\", \"EdDSA\", \"Ed25519\" or \"HS256\"";

/// Security requirements: ignoring one would break it silently.
const DEMANDS: [&str; 4] = [
    "require_pushed_authorization_requests",
    "require_signed_request_object",
    "dpop_bound_access_tokens",
    "tls_client_certificate_bound_access_tokens",
];

/// The features that this provider offers to clients.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The scopes that exist.
    pub scopes: Scope,
    /// The algorithms that ID Tokens can be signed with.
    pub algorithms: Vec<SigningAlg>,
    /// Whether http on loopback hosts is allowed.
    pub development: bool,
    /// Whether access tokens may live for more than an hour.
    pub accept_long_tokens: bool,
}

/// A client as it was described.
#[derive(Clone)]
pub struct Registration {
    /// The identifier, if one was given.
    pub id: Option<String>,
    /// The secret, if one was given.
    pub secret: Option<Zeroizing<String>>,
    /// How long a secret that is made or given lasts; without end when absent.
    pub secret_lasts: Option<Duration>,
    /// The metadata to store.
    pub metadata: Metadata,
    /// One sentence for each ignored member.
    pub ignored: Vec<String>,
}

/// Tells whether a member is kept and can be removed.
pub fn is_kept(name: &str) -> bool {
    KEPT.iter().any(|(kept, _)| *kept == name) || localized::split(name).is_some()
}

/// Reads metadata. Refuses unsupported members if a client that relies on them would be less safe.
///
/// Spec: RFC 7591 §2, OpenID Connect Registration §2
pub fn read(mut members: Map<String, Value>, offered: &Offered) -> Result<Registration, MetadataFault> {
    // RFC 7591 §2: null equals absent.
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
    if let Some(value) = members.get("grant_types") {
        only("grant_types", value, &GrantType::names().collect::<Vec<_>>())?;
    }
    check_forms(&members)?;
    let texts = members.iter().filter(|(name, _)| localized::split(name).is_some());
    if let Some((name, value)) = texts.into_iter().find(|(_, value)| !value.is_string()) {
        return refuse(name, Problem::Expected("a string", Some(value.to_string())));
    }
    if let Some(text) = members.get("scope").and_then(Value::as_str) {
        ignored.extend(check_scope(text, &offered.scopes)?);
        if !Scope::parse(text).has("openid") && !acts_for_itself(&members) {
            ignored.push("scope lacks openid: the application will get no ID tokens".into());
        }
    }
    let metadata = serde_json::from_value::<Metadata>(Value::Object(members));
    let unreadable = |error: serde_json::Error| Problem::Unreadable(error.to_string());
    let metadata = metadata.map_err(|error| MetadataFault::new("client_metadata", unreadable(error)))?;
    metadata.check(offered.development)?;
    check_lifetimes(&metadata, offered)?;
    if metadata.scope.as_ref().is_some_and(|scope| scope.has(OFFLINE)) && !family::begins_for(&metadata) {
        ignored.push(format!("scope {OFFLINE} needs the grant type refresh_token; it will not be granted"));
    }
    let signed = [
        ("id_token_signed_response_alg", metadata.id_token_signed_response_alg.signing()),
        ("userinfo_signed_response_alg", metadata.userinfo_signed_response_alg.map(NamedAlg::alg)),
    ];
    for (member, alg) in signed {
        if let Some(alg) = alg
            && !offered.algorithms.contains(&alg)
        {
            return refuse(member, Problem::NotConfigured(alg.name()));
        }
    }
    if secret.is_some() && metadata.is_public() {
        return refuse("client_secret", Problem::OfPublicClient);
    }
    if secret.is_some() && !metadata.has_secret() {
        return refuse("client_secret", Problem::OnlyFor("clients that authenticate with it"));
    }
    Ok(Registration { id, secret, secret_lasts: None, metadata, ignored })
}

/// Checks the form of each member by itself.
fn check_forms(members: &Map<String, Value>) -> Result<(), MetadataFault> {
    for (name, expected) in KEPT {
        let Some(value) = members.get(name) else { continue };
        // A key is not repeated: it may be a private one.
        if name == "jwks" {
            let fault = |fault: JwkSetFault| Problem::Unreadable(format!("jwks: {fault}"));
            JwkSet::read(value).map_err(|why| MetadataFault::new(name, fault(why)))?;
        }
        let alone = Value::Object(Map::from_iter([(name.to_owned(), value.clone())]));
        if serde_json::from_value::<Metadata>(alone).is_err() {
            return refuse(name, Problem::Expected(expected, Some(value.to_string())));
        }
    }
    Ok(())
}

fn refuse<T>(member: &str, problem: Problem) -> Result<T, MetadataFault> {
    Err(MetadataFault::new(member, problem))
}

fn take_text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, MetadataFault> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => refuse(name, Problem::Expected("a string", None)),
    }
}

/// A secret must be too long to be guessed, because only a hash without salt is stored.
fn check_secret(secret: &str) -> Result<(), MetadataFault> {
    if secret.chars().count() < 32 {
        return refuse("client_secret", Problem::Length("at least 32 characters"));
    }
    if secret.len() > 1024 || !secret.bytes().all(|b| (0x20..=0x7E).contains(&b)) {
        let expected = "at most 1024 printable ASCII characters";
        return refuse("client_secret", Problem::Expected(expected, None));
    }
    Ok(())
}

/// Checks the members that are not kept: some describe what is so anyway, some are refused, the others are
/// ignored with a warning.
fn check_rest(members: &Map<String, Value>) -> Result<Vec<String>, MetadataFault> {
    let mut ignored = vec![];
    for (name, value) in members.iter().filter(|(name, _)| !is_kept(name)) {
        match (name.as_str(), value) {
            ("response_types", Value::Array(none)) if none.is_empty() && !uses_codes(members) => (),
            ("response_types", value) => only(name, value, &RESPONSE_TYPES)?,
            // A secret that is registered does not expire.
            ("client_secret_expires_at", Value::Number(at)) if at.as_i64() == Some(0) => (),
            (name, Value::Bool(false)) if DEMANDS.contains(&name) => (),
            (name, _) if DEMANDS.contains(&name) => return refuse(name, Problem::Unsupported(None, None)),
            (name, value) if name.ends_with("_alg") || name.ends_with("_enc") => {
                return refuse(name, Problem::Unsupported(Some(value.to_string()), None));
            }
            _ => ignored.push(format!("{name} is not known to this version and was ignored")),
        }
    }
    Ok(ignored)
}

/// Tells whether the members describe a client that uses codes, as one does that names no grant type.
fn uses_codes(members: &Map<String, Value>) -> bool {
    let grant_types = members.get("grant_types").and_then(Value::as_array);
    grant_types.is_none_or(|named| named.iter().any(|one| one == GrantType::AuthorizationCode.name()))
}

/// Tells whether the members describe a client that gets tokens for itself alone, and none about a person.
fn acts_for_itself(members: &Map<String, Value>) -> bool {
    let grant_types = members.get("grant_types").and_then(Value::as_array);
    grant_types.is_some_and(|named| named.iter().all(|one| one == GrantType::ClientCredentials.name()))
}

fn only(name: &str, value: &Value, supported: &[&str]) -> Result<(), MetadataFault> {
    let Some(values) = value.as_array().filter(|values| !values.is_empty()) else {
        return refuse(name, Problem::Expected("a list of strings", None));
    };
    match values.iter().find(|value| !value.as_str().is_some_and(|value| supported.contains(&value))) {
        None => Ok(()),
        Some(other) => {
            let supported = format!("{:?}", supported.join(" "));
            refuse(name, Problem::UnsupportedValue(other.to_string(), supported))
        }
    }
}

fn check_lifetimes(metadata: &Metadata, offered: &Offered) -> Result<(), MetadataFault> {
    let seconds = |seconds: u32| Duration::seconds(seconds.into());
    let access_token = metadata.access_token_ttl.map(seconds);
    let checked = access_token.map_or(Ok(()), |ttl| check_access_token(ttl, offered.accept_long_tokens));
    checked.map_err(|fault| MetadataFault::new("access_token_ttl", Problem::Lifetime(fault)))?;
    let checked = metadata.id_token_ttl.map(seconds).map_or(Ok(()), check_id_token);
    checked.map_err(|fault| MetadataFault::new("id_token_ttl", Problem::Lifetime(fault)))
}

fn check_scope(text: &str, offered: &Scope) -> Result<Vec<String>, MetadataFault> {
    if let Some(bad) = text.split_whitespace().find(|name| !is_name(name)) {
        return refuse("scope", Problem::NoScopeName(bad.to_owned()));
    }
    let scope = Scope::parse(text);
    if scope.is_empty() {
        return refuse("scope", Problem::NoScope);
    }
    let unknown = scope.filter(|name| !offered.has(name));
    let words = unknown.names().map(|name| {
        format!("scope {name} is not offered here (these are: {offered}); it will not be granted")
    });
    Ok(words.collect())
}

/// A client as a registration response shows it; with `secret` only if it was made or taken just now.
///
/// Spec: RFC 7591 §3.2.1
pub fn response(client: &Client, secret: Option<&str>) -> Map<String, Value> {
    let mut shown = Map::from_iter([("client_id".to_owned(), json!(client.id))]);
    if let Some(secret) = secret {
        shown.insert("client_secret".into(), secret.into());
        let ends_at = client.secrets.newest().and_then(|newest| newest.ends_at);
        let ends_at = ends_at.map_or(0, OffsetDateTime::unix_timestamp);
        shown.insert("client_secret_expires_at".into(), ends_at.into());
    }
    if client.disabled {
        shown.insert("disabled".into(), true.into());
    }
    shown.extend(change::members(&client.metadata));
    let method = client.metadata.token_endpoint_auth_method.unwrap_or_default();
    shown.insert("token_endpoint_auth_method".into(), method.name().into());
    shown.insert("require_pkce".into(), client.needs_pkce().into());
    let has_code = client.metadata.grant_types.has(GrantType::AuthorizationCode);
    shown.insert("response_types".into(), json!(if has_code { &RESPONSE_TYPES[..] } else { &[] }));
    shown
}
