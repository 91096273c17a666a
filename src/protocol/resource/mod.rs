//! Resources: the APIs that access tokens are for.

mod declaration; // the checks of one resource
mod set; // all resources: finding, audiences, conflicts

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::Duration;

pub use declaration::{Conflict, ResourceFault, Wrong};
pub use set::{Resources, Shadowed, Target, TargetFault};

use crate::protocol::localized::nearest;
use crate::protocol::signing_alg::SigningAlg;
use crate::protocol::span::Span;

/// A protected resource, as the operator declares it: in the configuration file, or as a row beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Its identifier: clients send it as `resource` and find it in `aud`.
    pub uri: String,
    /// The name that people are shown instead of the identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The scopes that exist for this resource.
    pub scopes: Vec<String>,
    /// Whether its scopes work without a `resource` parameter.
    #[serde(default)]
    pub default: bool,
    /// The claims about the person that its tokens carry: of `groups`, `roles`, `entitlements`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
    /// The text for each scope on the consent page; in a further language under `scope#tag`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub descriptions: BTreeMap<String, String>,
    /// The clients that act as this resource: only they may ask what a token for it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<String>,
    /// The form of its tokens.
    #[serde(default)]
    pub format: Format,
    /// The algorithm that signs its tokens; [`Resource::ALG`] when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<SigningAlg>,
    /// How long its tokens live; as long as any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Span>,
    /// Whether its tokens may live for more than an hour.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accept_long_tokens: bool,
    /// The file and the line that declare it; none for a row.
    #[serde(skip)]
    pub place: Option<String>,
}

/// The form of an access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A signed JWT, which the resource verifies by itself.
    #[default]
    Jwt,
    /// A random text, which the resource has to ask about.
    Opaque,
}

impl Format {
    /// The name in a declaration.
    pub fn name(self) -> &'static str {
        match self {
            Format::Jwt => "jwt",
            Format::Opaque => "opaque",
        }
    }
}

impl Resource {
    /// The algorithm of tokens for which none is declared.
    ///
    /// Spec: RFC 9068 §2.1
    pub const ALG: SigningAlg = SigningAlg::ES256;

    /// Tells whether this scope is one of its own.
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| own == scope)
    }

    /// The algorithm that signs its tokens.
    pub fn alg(&self) -> SigningAlg {
        self.alg.unwrap_or(Resource::ALG)
    }

    /// How long its tokens live, if it says so.
    pub fn lifetime(&self) -> Option<Duration> {
        self.lifetime.map(|Span(lifetime)| lifetime)
    }

    /// The names of the members that differ from another declaration.
    pub fn changed(&self, other: &Resource) -> Vec<String> {
        let members = |resource| serde_json::to_value(resource).unwrap_or_default();
        let (mine, theirs) = (members(self), members(other));
        let names = [&mine, &theirs].into_iter().filter_map(Value::as_object).flat_map(Map::keys);
        let differ: BTreeSet<&String> = names.filter(|name| mine.get(name) != theirs.get(name)).collect();
        differ.into_iter().cloned().collect()
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
