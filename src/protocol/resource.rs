//! Resources: the APIs that access tokens are for.

use serde::Deserialize;

use crate::protocol::localized::{is_tag, nearest};
use crate::protocol::names::check_shown;
use crate::protocol::redirect_uri::has_uri_characters;
use crate::protocol::scope::{Scope, is_name, is_standard};

/// A protected resource, as the operator declares it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Its identifier: clients send it as `resource` and find it in `aud`.
    pub uri: String,
    /// The name that people are shown instead of the identifier.
    pub name: Option<String>,
    /// The scopes that exist for this resource.
    pub scopes: Vec<String>,
    /// Whether its scopes work without a `resource` parameter.
    #[serde(default)]
    pub default: bool,
    /// The claims about the person that its tokens carry: of `groups`, `roles`, `entitlements`.
    #[serde(default)]
    pub claims: Vec<String>,
    /// The text for each scope on the consent page; in a further language under `scope#tag`.
    #[serde(default)]
    pub descriptions: std::collections::BTreeMap<String, String>,
}

/// The claims about a person that an access token may carry.
///
/// Spec: RFC 9068 §2.2.3.1
const TOKEN_CLAIMS: [&str; 3] = ["groups", "roles", "entitlements"];

/// All declared resources.
#[derive(Clone, Debug)]
pub struct Resources {
    declared: Vec<Resource>,
    scopes: Scope,
}

/// Why a token has no audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetFault {
    /// Not a declared resource.
    Unknown,
    /// A scope belongs to a resource that has to be named.
    NeedsResource,
}

impl Default for Resources {
    fn default() -> Self {
        Resources { declared: vec![], scopes: Scope::standard() }
    }
}

impl Resources {
    /// Checks the declarations; says what is wrong with the first bad one.
    pub fn new(declared: Vec<Resource>) -> Result<Resources, String> {
        for (position, resource) in declared.iter().enumerate() {
            let uri = &resource.uri;
            let parsed = url::Url::parse(uri).map_err(|error| format!("resource {uri:?}: {error}"))?;
            if !has_uri_characters(uri) {
                return Err(format!("resource {uri:?} has a character that no URI has"));
            }
            if parsed.fragment().is_some() {
                return Err(format!("resource {uri:?} has a fragment"));
            }
            if !parsed.username().is_empty() || parsed.password().is_some() {
                return Err(format!("resource {uri:?} has a user name or password"));
            }
            if declared.iter().skip(position + 1).any(|other| comparable(&other.uri) == comparable(uri)) {
                return Err(format!("resource {uri:?} is declared twice"));
            }
            let named = resource.name.as_deref().unwrap_or_default();
            check_shown(named).map_err(|hidden| format!("the name of resource {uri:?} {hidden}"))?;
            if let Some(scope) = resource.scopes.iter().find(|scope| !is_name(scope)) {
                return Err(format!("resource {uri:?}: {scope:?} cannot be the name of a scope"));
            }
            if let Some(scope) = resource.scopes.iter().find(|scope| is_standard(scope)) {
                return Err(format!("resource {uri:?}: {scope:?} is a scope of OpenID Connect itself"));
            }
            let later = declared.iter().skip(position + 1);
            if let Some(other) = later.clone().find(|other| resource.scopes.iter().any(|own| other.has(own)))
            {
                return Err(format!(
                    "resources {uri:?} and {:?} share a scope: consent to one would be consent to the other; give \
                     each its own names, such as orders.read",
                    other.uri
                ));
            }
            if let Some(claim) = resource.claims.iter().find(|claim| !TOKEN_CLAIMS.contains(&claim.as_str()))
            {
                return Err(format!("resource {uri:?}: claim {claim:?} is none of {TOKEN_CLAIMS:?}"));
            }
            for described in resource.descriptions.keys().filter(|described| !resource.has(described)) {
                match described.rsplit_once('#') {
                    Some((scope, tag)) if resource.has(scope) && !is_tag(tag) => {
                        return Err(format!(
                            "resource {uri:?} describes {scope:?} in {tag:?}, which is no language tag such as de"
                        ));
                    }
                    Some((scope, _)) if resource.has(scope) => (),
                    _ => {
                        return Err(format!(
                            "resource {uri:?} describes {described:?}, which is none of its scopes"
                        ));
                    }
                }
            }
        }
        let ours = declared.iter().flat_map(|resource| resource.scopes.iter()).cloned().collect::<Vec<_>>();
        let scopes = Scope::standard().union(&Scope::parse(&ours.join(" ")));
        Ok(Resources { declared, scopes })
    }

    /// The resource with this identifier; scheme and host compare without case, the rest exactly.
    pub fn find(&self, uri: &str) -> Option<&Resource> {
        let wanted = comparable(uri);
        self.declared.iter().find(|resource| comparable(&resource.uri) == wanted)
    }

    /// Every declared resource.
    pub fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.declared.iter()
    }

    /// Every scope of every resource, with the standard ones.
    pub fn all_scopes(&self) -> &Scope {
        &self.scopes
    }

    /// Resolves requested resources to declared identifiers.
    ///
    /// Spec: RFC 8707 §2
    pub fn resolve<'a>(&self, requested: impl Iterator<Item = &'a str>) -> Result<Vec<String>, TargetFault> {
        let mut found = vec![];
        for uri in requested {
            let resource = self.find(uri).ok_or(TargetFault::Unknown)?;
            if !found.contains(&resource.uri) {
                found.push(resource.uri.clone());
            }
        }
        Ok(found)
    }

    /// Tells whether a scope belongs to a resource that was not requested and is no default one.
    pub fn needs_resource(&self, requested: &[String], scopes: &Scope) -> bool {
        let is_reached = |name: &str| {
            is_standard(name) || self.declared.iter().any(|resource| resource.default && resource.has(name))
        };
        requested.is_empty() && scopes.names().any(|name| !is_reached(name))
    }

    /// The audience of a token and the scopes it may carry there.
    ///
    /// Without a requested resource that is our own issuer with the standard scopes, plus the default
    /// resources of the granted scopes; a scope of any other resource then asks for `resource`.
    ///
    /// Spec: RFC 8707 §2.2, RFC 9068 §3
    pub fn target(
        &self,
        issuer: &str,
        requested: &[String],
        scopes: &Scope,
    ) -> Result<(Vec<String>, Scope), TargetFault> {
        if !requested.is_empty() {
            let chosen: Vec<&Resource> = requested.iter().filter_map(|uri| self.find(uri)).collect();
            let carried = scopes.filter(|name| chosen.iter().any(|resource| resource.has(name)));
            return Ok((requested.to_vec(), carried));
        }
        if self.needs_resource(requested, scopes) {
            return Err(TargetFault::NeedsResource);
        }
        let defaults =
            self.declared.iter().filter(|r| r.default && r.scopes.iter().any(|name| scopes.has(name)));
        let audience = std::iter::once(issuer.to_owned()).chain(defaults.map(|r| r.uri.clone())).collect();
        Ok((audience, scopes.clone()))
    }

    /// The claims about the person that a token for this audience carries.
    pub fn token_claims<'a>(&'a self, audience: &'a [String]) -> impl Iterator<Item = &'a str> {
        let named = audience.iter().filter_map(|uri| self.find(uri));
        named.flat_map(|resource| resource.claims.iter().map(String::as_str))
    }
}

impl Resource {
    /// Tells whether this scope is one of its own.
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| own == scope)
    }

    /// The text for a scope in the language of a page, or else the text without a language.
    pub fn describe(&self, scope: &str, lang: &str) -> Option<&str> {
        let further = self.descriptions.iter().filter(|(name, _)| !self.has(name));
        let further = further.filter_map(|(name, words)| {
            let (described, tag) = name.rsplit_once('#')?;
            (described == scope).then_some((tag, words.as_str()))
        });
        nearest(further, lang).or_else(|| self.descriptions.get(scope).map(String::as_str))
    }
}

/// The form in which two resource identifiers are compared: scheme and host in lower case, for every scheme;
/// the rest byte for byte. A trailing slash counts. An identifier without an authority, such as a URN, has no
/// host: only its scheme is lower-cased.
///
/// The crate `url` lower-cases hosts only for the schemes it knows. Its form is therefore not used here:
/// `tps://O` and `tps://o` are one resource.
///
/// Spec: RFC 3986 §6.2.2.1, RFC 8707 §2
pub fn comparable(uri: &str) -> String {
    let scheme = uri.find(':').unwrap_or(0);
    let authority = uri.get(scheme..).and_then(|rest| rest.strip_prefix("://"));
    let end = authority.map_or(scheme, |rest| scheme + 3 + rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (head, tail) = uri.split_at_checked(end).unwrap_or((uri, ""));
    format!("{}{tail}", head.to_ascii_lowercase())
}
