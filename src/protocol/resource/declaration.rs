//! The checks of one declared resource.

use std::fmt;

use super::{Format, Resource};
use crate::protocol::lifetimes::{LifetimeFault, check_access_token};
use crate::protocol::localized::is_tag;
use crate::protocol::names::{HiddenCharacter, check_shown};
use crate::protocol::redirect_uri::has_uri_characters;
use crate::protocol::scope::{is_name, is_standard};
use crate::protocol::signing_alg::SigningAlg;

/// The claims about a person that an access token may carry.
///
/// Spec: RFC 9068 §2.2.3.1
const TOKEN_CLAIMS: [&str; 3] = ["groups", "roles", "entitlements"];

/// A resource that cannot be declared, shown as one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("resource {uri:?}{wrong}")]
pub struct ResourceFault {
    /// Its identifier.
    pub uri: String,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// What is wrong with a declared resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Its identifier is no absolute URI: why.
    NoUri(String),
    /// Its identifier has a character that no URI has.
    Character,
    /// Its identifier has a fragment.
    Fragment,
    /// Its identifier has a user name or a password.
    UserInfo,
    /// It is the issuer itself.
    Issuer,
    /// Its name has this character, which cannot be seen.
    HiddenName(HiddenCharacter),
    /// This text cannot be the name of a scope.
    NoScopeName(String),
    /// This scope is one of OpenID Connect itself.
    StandardScope(String),
    /// A token carries no such claim.
    Claim(String),
    /// It describes this, which is none of its scopes.
    DescribesNoScope(String),
    /// It describes a scope in this, which is no language tag.
    NoTag(String, String),
    /// A default resource needs tokens that our own endpoints accept as well.
    OpaqueDefault,
    /// Opaque tokens are not signed.
    OpaqueAlg,
    /// No key signs with this algorithm, because the configuration does not name it.
    NotConfigured(SigningAlg),
    /// Its tokens would live too long or too short.
    Lifetime(LifetimeFault),
    /// Another resource is in its way.
    Conflict(Conflict),
}

/// Why two resources exclude each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The resource that was there before.
    pub with: String,
    /// The file and the line that declare it; none for a row.
    pub place: Option<String>,
    /// The scope that both have; none if both have the same identifier.
    pub scope: Option<String>,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::NoUri(why) => write!(f, ": {why}"),
            Wrong::Character => write!(f, " has a character that no URI has"),
            Wrong::Fragment => write!(f, " has a fragment"),
            Wrong::UserInfo => write!(f, " has a user name or password"),
            Wrong::Issuer => write!(f, " is the issuer itself, whose tokens need no declaration"),
            Wrong::HiddenName(character) => write!(f, ": its name {character}"),
            Wrong::NoScopeName(scope) => write!(f, ": {scope:?} cannot be the name of a scope"),
            Wrong::StandardScope(scope) => write!(f, ": {scope:?} is a scope of OpenID Connect itself"),
            Wrong::Claim(claim) => write!(f, ": claim {claim:?} is none of {TOKEN_CLAIMS:?}"),
            Wrong::DescribesNoScope(described) => {
                write!(f, " describes {described:?}, which is none of its scopes")
            }
            Wrong::NoTag(scope, tag) => {
                write!(f, " describes {scope:?} in {tag:?}, which is no language tag such as de")
            }
            Wrong::OpaqueDefault => write!(
                f,
                " cannot be a default one with opaque tokens: a token without resource is for this provider as well, \
                 which takes JWTs"
            ),
            Wrong::OpaqueAlg => write!(f, " has an alg, but opaque tokens are not signed"),
            Wrong::NotConfigured(alg) => {
                let alg = alg.name();
                write!(
                    f,
                    ": no key signs with {alg}; name it in algorithms under [keys], or choose another alg"
                )
            }
            Wrong::Lifetime(fault) => write!(f, ": lifetime {fault}"),
            Wrong::Conflict(conflict) => write!(f, " {conflict}"),
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
        match (&self.scope, &self.place) {
            (Some(scope), _) => write!(
                f,
                "and {:?}{at} share the scope {scope}: consent to one would be consent to the other; give each its own \
                 names, such as orders.read",
                self.with
            ),
            (None, Some(place)) => write!(f, "is declared in {place} already: change it there"),
            (None, None) => write!(f, "is declared twice"),
        }
    }
}

impl Resource {
    /// Checks the declaration by itself, in an installation of this issuer whose keys sign with these algorithms.
    ///
    /// Spec: RFC 8707 §2
    pub fn check(&self, issuer: &str, algorithms: &[SigningAlg]) -> Result<(), ResourceFault> {
        let wrong = self.check_uri(issuer);
        let wrong = wrong.and_then(|()| self.check_scopes());
        let wrong = wrong.and_then(|()| self.check_descriptions());
        let wrong = wrong.and_then(|()| self.check_tokens(algorithms));
        wrong.map_err(|wrong| self.fault(wrong))
    }

    /// This fault of this resource.
    pub(super) fn fault(&self, wrong: Wrong) -> ResourceFault {
        ResourceFault { uri: self.uri.clone(), wrong }
    }

    fn check_uri(&self, issuer: &str) -> Result<(), Wrong> {
        let parsed = url::Url::parse(&self.uri).map_err(|error| Wrong::NoUri(error.to_string()))?;
        if !has_uri_characters(&self.uri) {
            return Err(Wrong::Character);
        }
        if parsed.fragment().is_some() {
            return Err(Wrong::Fragment);
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(Wrong::UserInfo);
        }
        if super::comparable(&self.uri) == super::comparable(issuer) {
            return Err(Wrong::Issuer);
        }
        check_shown(self.name.as_deref().unwrap_or_default()).map_err(Wrong::HiddenName)
    }

    fn check_scopes(&self) -> Result<(), Wrong> {
        for scope in &self.scopes {
            if !is_name(scope) {
                return Err(Wrong::NoScopeName(scope.clone()));
            }
            if is_standard(scope) {
                return Err(Wrong::StandardScope(scope.clone()));
            }
        }
        match self.claims.iter().find(|claim| !TOKEN_CLAIMS.contains(&claim.as_str())) {
            Some(claim) => Err(Wrong::Claim(claim.clone())),
            None => Ok(()),
        }
    }

    fn check_descriptions(&self) -> Result<(), Wrong> {
        for described in self.descriptions.keys().filter(|described| !self.has(described)) {
            match described.rsplit_once('#') {
                Some((scope, tag)) if self.has(scope) && is_tag(tag) => (),
                Some((scope, tag)) if self.has(scope) => return Err(Wrong::NoTag(scope.into(), tag.into())),
                _ => return Err(Wrong::DescribesNoScope(described.clone())),
            }
        }
        Ok(())
    }

    fn check_tokens(&self, algorithms: &[SigningAlg]) -> Result<(), Wrong> {
        if self.format == Format::Opaque {
            if self.default {
                return Err(Wrong::OpaqueDefault);
            }
            if self.alg.is_some() {
                return Err(Wrong::OpaqueAlg);
            }
        } else if !algorithms.contains(&self.alg()) {
            return Err(Wrong::NotConfigured(self.alg()));
        }
        let Some(lifetime) = self.lifetime() else { return Ok(()) };
        check_access_token(lifetime, self.accept_long_tokens).map_err(Wrong::Lifetime)
    }
}
