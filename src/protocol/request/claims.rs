//! `claims`: claims requested by name, beside those that the scopes release.

use serde_json::{Map, Value};

use crate::protocol::cause::Cause;
use crate::protocol::named_claims::{NamedClaims, scope_of};
use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;
use crate::protocol::request::{less_granted, wrong};
use crate::protocol::scope::Scope;

/// Reads the parameter.
///
/// Spec: OpenID Connect Core §5.5
pub fn read(params: &Params) -> Result<Option<ClaimsRequest>, Refusal> {
    let request = params.get("claims").map(ClaimsRequest::parse).transpose();
    request
        .map_err(|Malformed| wrong(params, "claims", "invalid_request", "the claims parameter is malformed"))
}

/// The parts of the parameter that are not granted.
///
/// Spec: OpenID Connect Core §5.5
pub fn narrowed(claims: &ClaimsRequest, allowed: &Scope) -> Option<Cause> {
    let dropped = claims.dropped(allowed);
    let reasons = [
        ("members beside id_token and userinfo", dropped.members.as_slice()),
        ("not known here", &dropped.unknown),
        ("of a scope that is not allowed to this client", &dropped.not_allowed),
    ];
    let lost = |name: &&str| !dropped.unknown.contains(name) && !dropped.not_allowed.contains(name);
    let granted: Vec<&str> = claims.names().filter(lost).collect();
    let asked: Vec<&str> = claims.names().chain(dropped.members.iter().copied()).collect();
    let what = "a part of the claims parameter is not granted";
    less_granted(what, asked.join(" "), granted.join(" "), &reasons)
}

/// The parsed `claims` parameter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClaimsRequest {
    id_token: Vec<Wanted>,
    userinfo: Vec<Wanted>,
    /// Members other than the two that are defined.
    unknown: Vec<String>,
}

/// Claims that every ID Token carries, requested or not.
const ALWAYS: [&str; 12] =
    ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash", "jti"];

/// One requested claim.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    name: String,
    essential: bool,
    /// The permitted values; any if there are none.
    values: Vec<Value>,
}

/// The parameter is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl ClaimsRequest {
    /// Parses the parameter; unknown members and claims are ignored.
    ///
    /// Spec: OpenID Connect Core §5.5, §5.5.1
    pub fn parse(text: &str) -> Result<ClaimsRequest, Malformed> {
        let Ok(Value::Object(mut members)) = serde_json::from_str(text) else { return Err(Malformed) };
        let mut wanted = |member: &str| match members.remove(member) {
            None | Some(Value::Null) => Ok(vec![]),
            Some(Value::Object(claims)) => {
                claims.into_iter().map(|(name, how)| Wanted::parse(name, how)).collect()
            }
            Some(_) => Err(Malformed),
        };
        let (id_token, userinfo) = (wanted("id_token")?, wanted("userinfo")?);
        let request = ClaimsRequest {
            id_token,
            userinfo,
            unknown: members.into_iter().map(|(name, _)| name).collect(),
        };
        let subs = request.id_token.iter().chain(&request.userinfo).filter(|wanted| wanted.name == "sub");
        let are_text = subs.flat_map(|sub| &sub.values).all(Value::is_string);
        are_text.then_some(request).ok_or(Malformed)
    }

    /// The persons that the request may be about: no other person may be signed in for it. `None` if it may
    /// be any person.
    ///
    /// Spec: OpenID Connect Core §5.5.1
    pub fn subjects(&self) -> Option<Vec<String>> {
        let subs = self.id_token.iter().chain(&self.userinfo);
        let mut named = subs.filter(|wanted| wanted.name == "sub" && !wanted.values.is_empty());
        let text = |sub: &Wanted| -> Vec<String> {
            sub.values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let first = text(named.next()?);
        Some(named.fold(first, |left, sub| {
            let also = text(sub);
            left.into_iter().filter(|name| also.contains(name)).collect()
        }))
    }

    /// The requested levels of authentication, and whether one of them is essential.
    ///
    /// Spec: OpenID Connect Core §5.5.1.1
    pub fn levels(&self) -> Option<(Vec<String>, bool)> {
        let acr = self.id_token.iter().find(|wanted| wanted.name == "acr" && !wanted.values.is_empty())?;
        // A level that is no string cannot be reached.
        let level = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some((acr.values.iter().map(level).collect(), acr.essential))
    }

    /// The parts that are not granted, by reason: undefined members, unknown claims, and claims of scopes
    /// that the client may not request.
    pub fn dropped(&self, allowed: &Scope) -> Dropped<'_> {
        let mut dropped =
            Dropped { members: self.unknown.iter().map(String::as_str).collect(), ..Dropped::default() };
        let id_token = self.id_token.iter().filter(|wanted| !ALWAYS.contains(&wanted.name.as_str()));
        let userinfo = self.userinfo.iter().filter(|wanted| wanted.name != "sub");
        for Wanted { name, .. } in id_token.chain(userinfo) {
            match scope_of(name) {
                None => dropped.unknown.push(name),
                Some(scope) if !allowed.has(scope) => dropped.not_allowed.push(name),
                Some(_) => (),
            }
        }
        dropped
    }

    /// The names of all requested claims.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.id_token.iter().chain(&self.userinfo).map(|wanted| wanted.name.as_str())
    }

    /// The requested claims that may be released: those of scopes that the client may request.
    pub fn permitted(&self, allowed: &Scope) -> NamedClaims {
        let names = |wanted: &[Wanted]| {
            let names = wanted.iter().map(|wanted| &wanted.name);
            names.filter(|name| scope_of(name).is_some_and(|scope| allowed.has(scope))).cloned().collect()
        };
        NamedClaims { id_token: names(&self.id_token), userinfo: names(&self.userinfo) }
    }
}

/// Names in a `claims` parameter that have no effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped<'a> {
    /// Members other than `id_token` and `userinfo`.
    pub members: Vec<&'a str>,
    /// Claims that no scope of OpenID Connect releases.
    pub unknown: Vec<&'a str>,
    /// Claims of scopes that this client may not request.
    pub not_allowed: Vec<&'a str>,
}

impl Wanted {
    fn parse(name: String, how: Value) -> Result<Wanted, Malformed> {
        let mut how = match how {
            Value::Null => Map::new(),
            Value::Object(how) => how,
            _ => return Err(Malformed),
        };
        let essential = match how.remove("essential") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(essential)) => essential,
            Some(_) => return Err(Malformed),
        };
        let mut values = match how.remove("values") {
            None | Some(Value::Null) => vec![],
            Some(Value::Array(values)) => values,
            Some(_) => return Err(Malformed),
        };
        values.extend(how.remove("value").filter(|value| !value.is_null()));
        Ok(Wanted { name, essential, values })
    }
}
