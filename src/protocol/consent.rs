//! What a person allowed a client.

use crate::protocol::client::Client;
use crate::protocol::scope::Scope;
use crate::secret::{base64url, sha256};

/// A stored consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The scopes that were allowed, in all.
    pub scopes: Scope,
    /// The resources that were allowed, in all.
    pub resources: Vec<String>,
}

impl Consent {
    /// Tells whether everything asked for was allowed before.
    pub fn covers(&self, scopes: &Scope, resources: &[String]) -> bool {
        self.scopes.covers(scopes) && resources.iter().all(|resource| self.resources.contains(resource))
    }
}

/// A short digest of exactly what one person allows one client: shown, agreed to, and compared.
pub fn fingerprint(user_id: &str, client: &Client, scopes: &Scope, resources: &[String]) -> String {
    let mut resources = resources.to_vec();
    resources.sort();
    let registered_at = client.registered_at.unix_timestamp().to_string();
    let text = [user_id, &client.id, &registered_at, &scopes.to_string(), &resources.join(" ")].join("\0");
    let mut digest = base64url(&sha256(text.as_bytes()));
    digest.truncate(16);
    digest
}
