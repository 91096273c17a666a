//! Consent: what a person allowed a client.

use std::collections::BTreeSet;

use crate::protocol::client::Client;
use crate::protocol::named_claims::is_released;
use crate::protocol::scope::Scope;
use crate::secret::{base64url, sha256};

/// A consent, stored or requested.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// All scopes.
    pub scopes: Scope,
    /// All resources.
    pub resources: Vec<String>,
    /// The claims by name, beside those that the scopes release.
    pub claims: BTreeSet<String>,
}

impl Consent {
    /// Tells whether this consent covers everything that is requested.
    pub fn covers(&self, asked: &Consent) -> bool {
        self.scopes.covers(&asked.scopes)
            && asked.resources.iter().all(|resource| self.resources.contains(resource))
            && asked.claims.iter().all(|name| self.claims.contains(name) || is_released(name, &self.scopes))
    }
}

/// The fingerprint of a consent: one person, one client, and exactly what is allowed. It binds the decision
/// to the page that was shown.
pub fn fingerprint(user_id: &str, client: &Client, what: &Consent) -> String {
    let mut resources = what.resources.clone();
    resources.sort();
    let claims: Vec<&str> = what.claims.iter().map(String::as_str).collect();
    let (registered_at, scopes) =
        (client.registered_at.unix_timestamp().to_string(), what.scopes.to_string());
    let parts = [user_id, &client.id, &registered_at, &scopes, &resources.join(" "), &claims.join(" ")];
    let mut digest = base64url(&sha256(parts.join("\0").as_bytes()));
    digest.truncate(16);
    digest
}
