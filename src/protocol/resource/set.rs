//! All resources of a provider: finding one, the target of a token, and which resources exclude one another.

use time::Duration;

use super::{Conflict, Format, Resource, ResourceFault, Wrong, comparable};
use crate::protocol::cause::Cause;
use crate::protocol::refusal::Refusal;
use crate::protocol::scope::{Scope, is_standard};
use crate::protocol::signing_alg::SigningAlg;

/// All resources: those of the configuration file, and the rows beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resources {
    declared: Vec<Resource>,
    scopes: Scope,
    shadowed: Vec<Shadowed>,
}

/// A row that is not in force, because another resource excludes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadowed {
    /// Its identifier.
    pub uri: String,
    /// The resource that excludes it.
    pub by: Conflict,
}

/// What an access token is for, and how it is issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The audience.
    pub audience: Vec<String>,
    /// The scopes that the token carries.
    pub scope: Scope,
    /// Its form.
    pub format: Format,
    /// The algorithm that signs it.
    pub alg: SigningAlg,
    /// The shortest of the lifetimes that its resources declare; none if none does.
    shortest: Option<Duration>,
    /// Whether a part of the audience declares no lifetime.
    has_undeclared: bool,
}

/// Why a token has no audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetFault {
    /// Not a declared resource, or not any more.
    Unknown(String),
    /// This scope belongs to a resource that has to be named.
    NeedsResource(String),
    /// The tokens of these two differ in form or algorithm.
    Mixed(String, String),
}

impl Default for Resources {
    fn default() -> Self {
        Resources { declared: vec![], scopes: Scope::standard(), shadowed: vec![] }
    }
}

impl Resources {
    /// The resources of the configuration file, each of which was checked by itself; refuses two that exclude each other.
    pub fn new(declared: Vec<Resource>) -> Result<Resources, ResourceFault> {
        let mut resources = Resources::default();
        for resource in declared {
            if let Some(conflict) = resources.conflict(&resource) {
                return Err(resource.fault(Wrong::Conflict(conflict)));
            }
            resources.add(resource);
        }
        Ok(resources)
    }

    /// These resources and the rows beside them. A row that one of them excludes is not in force.
    #[must_use]
    pub fn and(&self, rows: Vec<Resource>) -> Resources {
        let mut all = self.clone();
        for row in rows {
            match all.conflict(&row) {
                Some(by) => all.shadowed.push(Shadowed { uri: row.uri, by }),
                None => all.add(row),
            }
        }
        all
    }

    fn add(&mut self, resource: Resource) {
        self.scopes = self.scopes.union(&Scope::parse(&resource.scopes.join(" ")));
        self.declared.push(resource);
    }

    /// The resource that excludes another one: both have one identifier, or one scope.
    pub fn conflict(&self, new: &Resource) -> Option<Conflict> {
        self.declared.iter().find_map(|known| {
            let is_same = comparable(&known.uri) == comparable(&new.uri);
            let scope = new.scopes.iter().find(|scope| known.has(scope)).filter(|_| !is_same);
            (is_same || scope.is_some()).then(|| Conflict {
                with: known.uri.clone(),
                place: known.place.clone(),
                scope: scope.cloned(),
            })
        })
    }

    /// The resource with this identifier; scheme and host compare without case, the rest exactly.
    pub fn find(&self, uri: &str) -> Option<&Resource> {
        let wanted = comparable(uri);
        self.declared.iter().find(|resource| comparable(&resource.uri) == wanted)
    }

    /// Every resource in force.
    pub fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.declared.iter()
    }

    /// The rows that are not in force.
    pub fn shadowed(&self) -> &[Shadowed] {
        &self.shadowed
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
            let resource = self.find(uri).ok_or_else(|| TargetFault::Unknown(uri.to_owned()))?;
            if !found.contains(&resource.uri) {
                found.push(resource.uri.clone());
            }
        }
        Ok(found)
    }

    /// The first scope that belongs to a resource that was not requested and is no default one.
    pub fn needs_resource<'a>(&self, requested: &[String], scopes: &'a Scope) -> Option<&'a str> {
        let is_reached = |name: &str| {
            is_standard(name) || self.declared.iter().any(|resource| resource.default && resource.has(name))
        };
        scopes.names().find(|name| requested.is_empty() && !is_reached(name))
    }

    /// The audience of a token, the scopes it may carry there, and how it is issued.
    ///
    /// Without a requested resource the audience is our own issuer with the standard scopes, plus the default
    /// resources of the granted scopes; a scope of any other resource then asks for `resource`. Our own endpoints take
    /// a token of any algorithm, but no opaque one.
    ///
    /// Spec: RFC 8707 §2.2, RFC 9068 §2.1, §3
    pub fn target(&self, issuer: &str, requested: &[String], scopes: &Scope) -> Result<Target, TargetFault> {
        let known = |uri: &String| self.find(uri).ok_or_else(|| TargetFault::Unknown(uri.clone()));
        let chosen: Vec<&Resource> = requested.iter().map(known).collect::<Result<_, _>>()?;
        if let Some(scope) = self.needs_resource(requested, scopes) {
            return Err(TargetFault::NeedsResource(scope.to_owned()));
        }
        if !chosen.is_empty() {
            let carried = scopes.filter(|name| chosen.iter().any(|resource| resource.has(name)));
            let audience = chosen.iter().map(|resource| resource.uri.clone()).collect();
            return Target::of(audience, carried, &chosen);
        }
        let is_meant = |r: &&Resource| r.default && r.scopes.iter().any(|name| scopes.has(name));
        let defaults: Vec<&Resource> = self.declared.iter().filter(is_meant).collect();
        let audience = std::iter::once(issuer.to_owned()).chain(defaults.iter().map(|r| r.uri.clone()));
        Target::of(audience.collect(), scopes.clone(), &defaults)
    }

    /// The claims about the person that a token for this audience carries.
    pub fn token_claims<'a>(&'a self, audience: &'a [String]) -> impl Iterator<Item = &'a str> {
        let named = audience.iter().filter_map(|uri| self.find(uri));
        named.flat_map(|resource| resource.claims.iter().map(String::as_str))
    }

    /// Tells whether a client acts as one of the resources in this audience, so that it may ask what the token says.
    ///
    /// Spec: RFC 7662 §4
    pub fn is_for(&self, client_id: &str, audience: &[impl AsRef<str>]) -> bool {
        let named = |uri: &str| self.find(uri).is_some_and(|r| r.clients.iter().any(|id| id == client_id));
        audience.iter().any(|uri| named(uri.as_ref()))
    }
}

impl Target {
    /// The target of these resources: tokens that differ in form or algorithm cannot be one token, and of several
    /// lifetimes the shortest counts.
    fn of(audience: Vec<String>, scope: Scope, resources: &[&Resource]) -> Result<Target, TargetFault> {
        let form = |resource: &Resource| (resource.format, resource.alg());
        let (format, alg) = match resources {
            [] => (Format::Jwt, Resource::ALG),
            [first, others @ ..] => match others.iter().find(|other| form(other) != form(first)) {
                Some(other) => return Err(TargetFault::Mixed(first.uri.clone(), other.uri.clone())),
                None => form(first),
            },
        };
        let shortest = resources.iter().filter_map(|resource| resource.lifetime()).min();
        let declared = resources.iter().filter(|resource| resource.lifetime().is_some()).count();
        let has_undeclared = declared < audience.len();
        Ok(Target { audience, scope, format, alg, shortest, has_undeclared })
    }

    /// How long the token lives: as long as every part of its audience allows. `usual` is the lifetime for those that
    /// declare none.
    pub fn lifetime(&self, usual: Duration) -> Duration {
        match self.shortest {
            Some(shortest) if self.has_undeclared => shortest.min(usual),
            Some(shortest) => shortest,
            None => usual,
        }
    }
}

impl TargetFault {
    /// The refusal of a token.
    ///
    /// Spec: RFC 8707 §2, §2.2
    pub fn refusal(self) -> Refusal {
        let (wire, cause) = match self {
            TargetFault::Unknown(uri) => (
                "the resource is unknown here",
                Cause::new("the resource is not declared, or is not any more").with("resource", uri).mend(
                    "`countersign resource list` shows what is declared; name another resource, or declare this one",
                ),
            ),
            TargetFault::NeedsResource(scope) => (
                "a granted scope belongs to a resource: send it",
                Cause::new("a granted scope belongs to a resource that was not named")
                    .with("scope", scope)
                    .mend("send the resource parameter; `countersign resource list` shows whose scope it is"),
            ),
            TargetFault::Mixed(one, other) => (
                "the resources need a token each: send one resource",
                Cause::new("the tokens of the resources differ in form or algorithm")
                    .with("resource", one)
                    .with("and", other)
                    .mend("ask for one token for each, with one resource parameter"),
            ),
        };
        Refusal::new("invalid_target", wire).because(cause)
    }
}
