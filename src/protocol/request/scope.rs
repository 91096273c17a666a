//! `scope`: the requested scopes, and which of them are granted.

use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::family;
use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;
use crate::protocol::request::claims::ClaimsRequest;
use crate::protocol::request::less_granted;
use crate::protocol::resource::Resources;
use crate::protocol::scope::{OFFLINE, Scope, is_standard};

/// The scopes of one request.
pub struct Scopes<'a> {
    /// Those that can be granted: unknown and not allowed ones are dropped.
    pub granted: Scope,
    /// Those that the client may ask for.
    pub allowed: Scope,
    asked: Scope,
    known: &'a Scope,
    /// Whether the client gets refresh tokens at all.
    refreshes: bool,
}

/// Grants the scopes that exist and are allowed to the client; refuses the request if none is left. `offline_access` needs
/// the grant type `refresh_token`, and is nothing by itself.
///
/// Spec: RFC 6749 §3.3, OpenID Connect Core §11
pub fn read<'a>(params: &Params, client: &Client, resources: &'a Resources) -> Result<Scopes<'a>, Refusal> {
    const NONE: &str = "none of the requested scopes can be granted to this client";
    let (known, allowed) = (resources.all_scopes(), client.allowed_scopes());
    let asked = Scope::parse(params.get("scope").unwrap_or_default());
    let refreshes = family::begins(client);
    let is_granted = |name: &str| known.has(name) && allowed.has(name) && (refreshes || name != OFFLINE);
    let granted = asked.filter(is_granted);
    if granted.names().all(|name| name == OFFLINE) {
        let cause = Cause::new(NONE).with("sent", &asked).with("allowed", &allowed).with("offered", known);
        return Err(Refusal::new("invalid_scope", NONE).because(cause));
    }
    Ok(Scopes { granted, allowed, asked, known, refreshes })
}

impl Scopes<'_> {
    /// The part of the scope that is not granted.
    ///
    /// Spec: RFC 6749 §3.3
    pub fn narrowed(&self, params: &Params) -> Option<Cause> {
        let text = params.get("scope").unwrap_or_default();
        let mut unknown: Vec<&str> = Scope::unreadable(text).collect();
        let is_offline = self.asked.has(OFFLINE) && !self.refreshes;
        let offline: &[&str] = if is_offline { &["this client has no refresh_token grant"] } else { &[] };
        let others = || self.asked.names().filter(|name| !is_offline || *name != OFFLINE);
        unknown.extend(others().filter(|name| !self.known.has(name)));
        let not_allowed: Vec<&str> =
            others().filter(|name| self.known.has(name) && !self.allowed.has(name)).collect();
        let reasons = [
            ("not known here", unknown.as_slice()),
            (OFFLINE, offline),
            ("not allowed to this client", not_allowed.as_slice()),
        ];
        let cause = less_granted("a part of the scope is not granted", text, &self.granted, &reasons)?;
        Some(if is_offline {
            cause.mend("register the grant type: countersign client update ID --grant-type authorization_code --grant-type refresh_token")
        } else if not_allowed.is_empty() {
            cause.mend("ask for what discovery lists under scopes_supported, separated by single spaces")
        } else {
            cause.mend("register the application with the scope, or stop asking for it")
        })
    }

    /// A request without `openid` is one of plain OAuth. That is ordinary when it is about an API, and a
    /// mistake when it is about the person.
    pub fn without_openid(&self, params: &Params, claims: Option<&ClaimsRequest>) -> Option<Cause> {
        let is_about_person = self.asked.names().any(|name| is_standard(name) && name != OFFLINE)
            || claims.is_some()
            || ["nonce", "id_token_hint"].iter().any(|name| params.get(name).is_some());
        if self.granted.has("openid") || !is_about_person {
            return None;
        }
        let cause = Cause::new("no ID Token is issued").with("asked for", &self.asked);
        let cause = cause.with("granted", format!("{} (an access token only)", self.granted));
        Some(if self.asked.has("openid") {
            cause.with("because", "openid is not allowed to this client")
        } else {
            cause.with("because", "openid is missing from the scope").mend("add openid to the scope")
        })
    }
}
