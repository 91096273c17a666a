//! Claims requested by name, beside those that scopes release.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::protocol::scope::{self, Scope};

/// The names of the requested claims, by place. A claim that is requested for one place never appears in the
/// other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedClaims {
    /// In the ID Token.
    #[serde(rename = "i", default, skip_serializing_if = "Vec::is_empty")]
    pub id_token: Vec<String>,
    /// At the `UserInfo` endpoint.
    #[serde(rename = "u", default, skip_serializing_if = "Vec::is_empty")]
    pub userinfo: Vec<String>,
}

impl NamedClaims {
    /// Tells whether no claim is requested.
    pub fn is_empty(&self) -> bool {
        self.id_token.is_empty() && self.userinfo.is_empty()
    }

    /// The claims that need consent beside the scopes: those that the scopes do not release.
    pub fn beyond(&self, scopes: &Scope) -> BTreeSet<String> {
        let names = self.id_token.iter().chain(&self.userinfo);
        names
            .filter(|name| !is_released(name, scopes))
            .map(|name| without_language(name).to_owned())
            .collect()
    }
}

/// Tells whether these scopes release a claim.
pub fn is_released(name: &str, scopes: &Scope) -> bool {
    scope::of_claim(name).is_some_and(|scope| scopes.has(scope))
}

/// The scope that releases a claim, in any language; none for `sub`, which every token has.
pub(in crate::protocol) fn scope_of(name: &str) -> Option<&'static str> {
    scope::of_claim(without_language(name)).filter(|scope| *scope != "openid")
}

/// Spec: OpenID Connect Core §5.2
fn without_language(name: &str) -> &str {
    name.split_once('#').map_or(name, |(name, _)| name)
}
