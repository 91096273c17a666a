//! What a request asked for and is not granted, although nothing fails: one cause for each parameter.

use crate::protocol::cause::Cause;
use crate::protocol::named_claims::ClaimsRequest;
use crate::protocol::params::Params;
use crate::protocol::prompt::Prompt;
use crate::protocol::scope::{Scope, is_standard};

/// The scope that asks for a refresh token; no grant of ours issues one.
///
/// Spec: OpenID Connect Core §11
const OFFLINE: &str = "offline_access";

/// Compares what was asked for with what is granted.
pub fn of(
    params: &Params,
    asked: &Scope,
    granted: &Scope,
    known: &Scope,
    allowed: &Scope,
    claims: Option<&ClaimsRequest>,
) -> Vec<Cause> {
    let scope = Request { params, asked, granted };
    let causes = [
        scope.in_part(known, allowed),
        scope.without_openid(claims),
        scope.prompt(),
        claims.filter(|_| granted.has("openid")).and_then(|claims| of_claims(claims, allowed)),
    ];
    causes.into_iter().flatten().collect()
}

struct Request<'a> {
    params: &'a Params,
    asked: &'a Scope,
    granted: &'a Scope,
}

impl Request<'_> {
    /// Spec: RFC 6749 §3.3
    fn in_part(&self, known: &Scope, allowed: &Scope) -> Option<Cause> {
        let text = self.params.get("scope").unwrap_or_default();
        let mut unknown: Vec<&str> = Scope::unreadable(text).collect();
        if unknown.is_empty() && self.granted.covers(self.asked) {
            return None;
        }
        let is_offline = self.asked.has(OFFLINE) && !self.granted.has(OFFLINE);
        unknown.extend(self.asked.names().filter(|name| *name != OFFLINE && !known.has(name)));
        let not_allowed: Vec<&str> =
            self.asked.names().filter(|name| known.has(name) && !allowed.has(name)).collect();
        let mut cause = Cause::new("a part of the scope is not granted");
        cause = cause.with("asked for", text).with("granted", self.granted);
        if !unknown.is_empty() {
            cause = cause.with("because", format!("not known here: {}", unknown.join(" ")));
        }
        if is_offline {
            cause = cause.with("because", "offline_access: this client has no refresh_token grant");
        }
        if !not_allowed.is_empty() {
            cause = cause.with("because", format!("not allowed to this client: {}", not_allowed.join(" ")));
        }
        Some(if not_allowed.is_empty() {
            cause.mend("ask for what discovery lists under scopes_supported, separated by single spaces")
        } else {
            cause.mend("register the application with the scope, or stop asking for it")
        })
    }

    /// A request without `openid` is one of plain OAuth. That is ordinary when it is about an API, and a
    /// slip when it is about the person.
    fn without_openid(&self, claims: Option<&ClaimsRequest>) -> Option<Cause> {
        let is_about_person = self.asked.names().any(is_standard)
            || claims.is_some()
            || ["nonce", "id_token_hint"].iter().any(|name| self.params.get(name).is_some());
        if self.granted.has("openid") || !is_about_person {
            return None;
        }
        let cause = Cause::new("no ID Token is issued").with("asked for", self.asked);
        let cause = cause.with("granted", format!("{} (an access token only)", self.granted));
        Some(if self.asked.has("openid") {
            cause.with("because", "openid is not allowed to this client")
        } else {
            cause.with("because", "openid is missing from the scope").mend("add openid to the scope")
        })
    }

    fn prompt(&self) -> Option<Cause> {
        let asked = self.params.get("prompt");
        let unknown: Vec<&str> = Prompt::unknown(asked).collect();
        if unknown.is_empty() {
            return None;
        }
        let asked = asked.unwrap_or_default();
        let known: Vec<&str> = asked.split(' ').filter(|value| Prompt::SUPPORTED.contains(value)).collect();
        let cause = Cause::new("a part of the prompt is ignored").with("asked for", asked);
        let cause = cause.with("granted", known.join(" "));
        let cause = cause.with("because", format!("not known here: {}", unknown.join(" ")));
        Some(cause.mend(format!("the values are: {}", Prompt::SUPPORTED.join(" "))))
    }
}

/// Spec: OpenID Connect Core §5.5
fn of_claims(claims: &ClaimsRequest, allowed: &Scope) -> Option<Cause> {
    let dropped = claims.dropped(allowed);
    let reasons = [
        (&dropped.members, "members beside id_token and userinfo"),
        (&dropped.unknown, "not known here"),
        (&dropped.not_allowed, "of a scope that is not allowed to this client"),
    ];
    if reasons.iter().all(|(names, _)| names.is_empty()) {
        return None;
    }
    let lost = |name: &&str| !dropped.unknown.contains(name) && !dropped.not_allowed.contains(name);
    let granted: Vec<&str> = claims.names().filter(lost).collect();
    let asked: Vec<&str> = claims.names().chain(dropped.members.iter().copied()).collect();
    let cause = Cause::new("a part of the claims parameter is not granted");
    let cause = cause.with("asked for", asked.join(" ")).with("granted", granted.join(" "));
    Some(
        reasons
            .iter()
            .filter(|(names, _)| !names.is_empty())
            .fold(cause, |cause, (names, why)| cause.with("because", format!("{why}: {}", names.join(" ")))),
    )
}
