//! Introspection: who may know what a token says, and what is told.

use serde::Serialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::protocol::bearer::Presented;
use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::client::auth::refused;
use crate::protocol::grant::Grant;
use crate::protocol::presented::Unusable;
use crate::protocol::refresh::Facts;
use crate::protocol::refusal::Refusal;
use crate::protocol::resource::Resources;

/// The media type of an answer that is a JWT; its name is the token's `typ` as well.
///
/// Spec: RFC 9701 §5
pub const JWT: &str = "application/token-introspection+jwt";

/// Admits a caller: only a client that has proven who it is may ask about tokens.
///
/// Spec: RFC 7662 §2.1
pub fn admit(caller: &Client) -> Result<(), Refusal> {
    if caller.is_public() {
        let cause =
            Cause::new("a public client asked what a token says: it has no credentials to prove who it is");
        return Err(refused(cause.mend("ask by a confidential client: countersign client add")));
    }
    Ok(())
}

/// The token, if this client may know what it says: it was issued to the client, or for a resource that the client acts
/// as.
///
/// Spec: RFC 7662 §4
pub fn seen_by(caller: &Client, token: Presented, resources: &Resources) -> Result<Presented, Unusable> {
    if token.client_id() == caller.id || resources.is_for(&caller.id, &token.audience()) {
        return Ok(token);
    }
    let cause =
        Cause::new("the token is not active for this client: it was issued to another one, for others");
    let cause = cause.with("issued to", token.client_id()).with("audience", &token.aud);
    Err(Unusable::Mistaken(
        cause.mend("name the clients that act as a resource: countersign resource update URI --client ID"),
    ))
}

/// What is told about an active access token.
///
/// Spec: RFC 7662 §2.2
pub fn active(token: &Presented) -> Map<String, Value> {
    let scope = (!token.scope.is_empty()).then(|| token.scope.to_string());
    let members = [
        ("active", json!(true)),
        ("token_type", json!("Bearer")),
        ("iss", json!(token.iss)),
        ("sub", json!(token.sub)),
        ("aud", json!(token.aud)),
        ("client_id", json!(token.client_id())),
        ("scope", json!(scope)),
        ("exp", json!(token.exp)),
        ("iat", json!(token.iat)),
        ("nbf", json!(token.nbf)),
        ("jti", json!(token.jti)),
        ("auth_time", json!(token.auth_time)),
        ("acr", json!(token.acr)),
        ("amr", json!(token.amr)),
    ];
    let known = members.into_iter().filter(|(_, value)| !value.is_null());
    known.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What is told about an active refresh token: what its grant allows, and when it ends unless it is used.
///
/// Spec: RFC 7662 §2.2
pub fn active_family(
    issuer: &str,
    sub: &str,
    client: &Client,
    grant: &Grant,
    facts: &Facts,
) -> Map<String, Value> {
    let until = facts.absolute_end.min(facts.position.idle_end);
    let members = [
        ("active", json!(true)),
        ("iss", json!(issuer)),
        ("sub", json!(sub)),
        ("client_id", json!(client.id)),
        ("scope", json!(grant.scope)),
        ("exp", json!(until.unix_timestamp())),
        ("iat", json!(facts.created_at.unix_timestamp())),
        ("auth_time", json!(grant.person.auth_time.unix_timestamp())),
        ("acr", json!(grant.person.acr)),
        ("amr", json!(grant.person.amr)),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What is told about every other token: nothing.
///
/// Spec: RFC 7662 §2.2
pub fn inactive() -> Map<String, Value> {
    Map::from_iter([("active".to_owned(), json!(false))])
}

/// The claims of an answer that is a JWT.
///
/// Spec: RFC 9701 §5
#[derive(Clone, Debug, Serialize)]
pub struct Answer<'a> {
    /// The issuer.
    pub iss: &'a str,
    /// The client that asked.
    pub aud: &'a str,
    /// When it was answered, in seconds since the epoch.
    pub iat: i64,
    /// What is told about the token.
    pub token_introspection: &'a Map<String, Value>,
}

impl<'a> Answer<'a> {
    /// The claims of an answer to this client.
    pub fn new(
        issuer: &'a str,
        caller: &'a Client,
        told: &'a Map<String, Value>,
        now: OffsetDateTime,
    ) -> Answer<'a> {
        Answer { iss: issuer, aud: &caller.id, iat: now.unix_timestamp(), token_introspection: told }
    }
}
