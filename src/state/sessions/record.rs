//! The record of one browser: who is signed in there.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::protocol::instant::age;
use crate::protocol::session::{Account, SessionPolicy};
use crate::secret::{base64url, same};
use crate::state::StateError;
use crate::state::mac::Found;

/// A record as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Record {
    #[serde(rename = "h")]
    pub(super) secret: String,
    /// The hash of the cookie of the browser in which it was begun.
    #[serde(rename = "b")]
    pub(super) browser: String,
    #[serde(rename = "a")]
    pub(super) accounts: Vec<Account>,
    /// When the browser was used last; written in steps.
    #[serde(rename = "i", with = "time::serde::timestamp")]
    pub(super) used_at: OffsetDateTime,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<Before>,
}

/// The record as the previous cookie sees it for some seconds more: with the accounts of then. An attacker who planted
/// that cookie must not see the person who has just signed in.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Before {
    #[serde(rename = "h")]
    pub(super) secret: String,
    #[serde(rename = "u", with = "time::serde::timestamp")]
    pub(super) until: OffsetDateTime,
    #[serde(rename = "a")]
    pub(super) accounts: Vec<Account>,
}

/// Parses a record. Accounts whose session has ended under the present policy are left out, and so are those that signed
/// in in the future.
pub(super) fn parse(
    found: Found,
    policy: &SessionPolicy,
    now: OffsetDateTime,
) -> Result<Option<(Found, Record)>, StateError> {
    let Some(value) = found.value() else { return Ok(None) };
    let mut record: Record =
        serde_json::from_slice(value).map_err(|error| StateError::Broken(error.to_string()))?;
    let used_at = record.used_at;
    let is_past = |account: &Account| age(account.auth_time, now).is_some();
    record.accounts.retain(|account| is_past(account) && policy.end(account, used_at) > now);
    for account in &mut record.accounts {
        account.ends = account.ends.min(policy.latest_end(account.auth_time, account.remembered));
    }
    Ok(Some((found, record)))
}

impl Record {
    /// Tells whether it was begun in this browser.
    pub(super) fn is_of(&self, browser: &[u8; 16]) -> bool {
        same(self.browser.as_bytes(), base64url(browser).as_bytes())
    }

    /// The end of the record: that of the last of its sessions.
    pub(super) fn exp(&self, policy: &SessionPolicy) -> OffsetDateTime {
        let ends = self.accounts.iter().map(|account| policy.end(account, self.used_at));
        ends.max().unwrap_or(self.used_at)
    }

    /// How long the browser should keep the cookie: until the last remembered session ends.
    pub(super) fn max_age(&self, now: OffsetDateTime) -> Option<Duration> {
        let remembered = self.accounts.iter().filter(|account| account.remembered);
        remembered.map(|account| account.ends - now).max()
    }

    /// The bytes that are stored.
    pub(super) fn encode(&self) -> Result<Vec<u8>, StateError> {
        serde_json::to_vec(self).map_err(|error| StateError::Broken(error.to_string()))
    }
}
