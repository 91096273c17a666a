//! The accounts signed in in one browser.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::ids::SessionId;
use crate::secret::{Key, base64url};

/// One account signed in in one browser, with the facts of its last authentication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The session: stays when the person authenticates again; a new one after signing out.
    #[serde(rename = "s")]
    pub session_id: SessionId,
    /// The account's identifier.
    #[serde(rename = "u")]
    pub user_id: String,
    /// When the person last authenticated; changes only then.
    #[serde(rename = "t", with = "time::serde::timestamp")]
    pub auth_time: OffsetDateTime,
    /// The authentication context that was reached.
    #[serde(rename = "c")]
    pub acr: String,
    /// The methods used.
    ///
    /// Spec: RFC 8176
    #[serde(rename = "m")]
    pub amr: Vec<String>,
    /// When this session ends at the latest.
    #[serde(rename = "e", with = "time::serde::timestamp")]
    pub ends: OffsetDateTime,
    /// Whether the person asked to stay signed in; otherwise the session also ends when it is idle.
    #[serde(rename = "r", default, skip_serializing_if = "std::ops::Not::not")]
    pub remembered: bool,
    /// The consents in force, as far as this session knows them.
    #[serde(rename = "q", default, skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<KnownConsent>,
}

/// A consent in force, as a session remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownConsent {
    /// The client, by `client_id`.
    #[serde(rename = "c")]
    pub client_id: String,
    /// The fingerprint of what was allowed.
    #[serde(rename = "f")]
    pub fingerprint: String,
    /// When the person last agreed to the client.
    #[serde(rename = "t", with = "time::serde::timestamp")]
    pub agreed_at: OffsetDateTime,
}

impl Account {
    /// The consent this person gave a client, as far as this session remembers.
    pub fn consent(&self, client_id: &str) -> Option<&KnownConsent> {
        self.consents.iter().find(|known| known.client_id == client_id)
    }

    /// Remembers a consent, in place of an older one for the same client.
    pub fn remember_consent(&mut self, consent: KnownConsent) {
        self.consents.retain(|known| known.client_id != consent.client_id);
        self.consents.push(consent);
    }
}

/// Lifetimes of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Ends a session that was not used for this long.
    pub idle: Duration,
    /// Ends a session this long after the person authenticated.
    pub absolute: Duration,
    /// The same for a person who asked to stay signed in; being idle ends nothing then.
    pub remembered: Duration,
}

impl SessionPolicy {
    /// When a session ends at the latest.
    pub fn latest_end(&self, authenticated_at: OffsetDateTime, remembered: bool) -> OffsetDateTime {
        authenticated_at + if remembered { self.remembered } else { self.absolute }
    }

    /// When a session ends unless its browser is used again; `used_at` is when it was used last.
    pub fn end(&self, account: &Account, used_at: OffsetDateTime) -> OffsetDateTime {
        // A session that began under a longer policy ends by the present one, and by its own if that was shorter.
        let latest = account.ends.min(self.latest_end(account.auth_time, account.remembered));
        if account.remembered { latest } else { latest.min(used_at + self.idle) }
    }
}

/// Derives the `sid` of one session for one client: stable, and not linkable across clients.
///
/// Spec: OpenID Connect Back-Channel Logout §2.1
pub fn sid(key: &Key, session_id: SessionId, client_id: &str) -> String {
    let mac = key.mac(&[session_id.as_bytes(), client_id.as_bytes()]);
    let mut sid = base64url(&mac);
    sid.truncate(22);
    sid
}
