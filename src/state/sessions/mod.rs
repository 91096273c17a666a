//! Browser records: who is signed in, by browser. A request reads one value.

mod begin; // after an authentication
mod cookie; // the value of the session cookie
mod end; // one, a browser's, or all of a person
mod record; // what is stored

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::{Drawer, Key, Kv};
use super::mac::{Found, MacKv};
use crate::ids::{RecordId, SessionId};
use crate::protocol::instant::lasts;
use crate::protocol::session::{Account, KnownConsent, SessionPolicy};
use crate::secret::same;

pub use begin::{Authentication, Begun};

use begin::OVERLAP;
use record::Record;

/// The last use is written only when it moves by more than this, or by a thirtieth of the idle span if that is less.
const LONGEST_STEP: Duration = Duration::minutes(5);
/// Number of attempts to change a record that concurrent requests change, too.
const ATTEMPTS: u8 = 8;

/// The drawer of browser records.
#[derive(Clone)]
pub struct Sessions {
    kv: MacKv,
    indexes: Kv,
    policy: SessionPolicy,
}

/// A record, as one cookie sees it.
#[derive(Clone, Debug)]
pub struct Session {
    /// The record's name; it stays the same at each authentication.
    pub record: RecordId,
    /// The accounts that are signed in and that this cookie may see.
    pub accounts: Vec<Account>,
    /// The hash of the cookie's secret.
    presented: String,
    /// Whether the last use is to be written.
    touch: bool,
}

impl Sessions {
    pub(super) fn new(kv: MacKv, indexes: Kv, policy: SessionPolicy) -> Sessions {
        Sessions { kv, indexes, policy }
    }

    /// Reads the record that a cookie names. None when the record is unknown or has ended, when the cookie's secret is
    /// wrong, or when it was begun in another browser: a session cookie that was planted opens nothing.
    pub async fn open(
        &self,
        cookie: &str,
        browser: &[u8; 16],
        now: OffsetDateTime,
    ) -> Result<Option<Session>, StateError> {
        let Some((id, presented)) = cookie::parse(cookie) else { return Ok(None) };
        let Some((_, record)) = self.load(id, now).await? else { return Ok(None) };
        let is = |stored: &str| same(stored.as_bytes(), presented.as_bytes());
        if !record.is_of(browser) {
            return Ok(None);
        }
        if is(&record.secret) {
            let may_idle = record.accounts.iter().any(|account| !account.remembered);
            let step = (self.policy.idle / 30_i32).min(LONGEST_STEP);
            let touch = may_idle && (now - record.used_at).abs() > step;
            return Ok(Some(Session { record: id, accounts: record.accounts, presented, touch }));
        }
        match record.before {
            Some(before) if is(&before.secret) && lasts(before.until, OVERLAP, now) => {
                let still = |a: &Account| record.accounts.iter().any(|left| left.session_id == a.session_id);
                let accounts = before.accounts.into_iter().filter(still).collect();
                Ok(Some(Session { record: id, accounts, presented, touch: false }))
            }
            _ => Ok(None),
        }
    }

    /// Tells whether a session has neither ended nor expired.
    pub async fn is_live(
        &self,
        record: RecordId,
        session_id: SessionId,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        Ok(self.account(record, session_id, now).await?.is_some())
    }

    /// The account of a session that has neither ended nor expired.
    pub async fn account(
        &self,
        record: RecordId,
        session_id: SessionId,
        now: OffsetDateTime,
    ) -> Result<Option<Account>, StateError> {
        self.account_in(self.kv.find(&key(record), now).await?, session_id, now)
    }

    /// [`Sessions::account`] in a record that was found by its [`key`].
    pub(in crate::state) fn account_in(
        &self,
        found: Option<Found>,
        session_id: SessionId,
        now: OffsetDateTime,
    ) -> Result<Option<Account>, StateError> {
        let record = found.map(|found| record::parse(found, &self.policy, now)).transpose()?.flatten();
        let mut accounts = record.into_iter().flat_map(|(_, record)| record.accounts);
        Ok(accounts.find(|account| account.session_id == session_id))
    }

    /// Stores that a consent is in force, so that the next request need not ask the database.
    pub async fn remember_consent(
        &self,
        record: RecordId,
        session_id: SessionId,
        consent: KnownConsent,
        now: OffsetDateTime,
    ) -> Result<(), StateError> {
        let remember = |record: &mut Record| {
            if let Some(account) = record.accounts.iter_mut().find(|account| account.session_id == session_id)
            {
                account.remember_consent(consent.clone());
            }
        };
        unless_contended(self.change(record, now, remember).await)
    }

    /// Writes the last use if it is due. Most requests write nothing here.
    pub async fn touch(&self, session: &Session, now: OffsetDateTime) -> Result<(), StateError> {
        if session.touch {
            self.change(session.record, now, |record| record.used_at = now).await?;
        }
        Ok(())
    }

    /// Reads a record; see [`record::parse`].
    async fn load(&self, id: RecordId, now: OffsetDateTime) -> Result<Option<(Found, Record)>, StateError> {
        let found = self.kv.find(&key(id), now).await?;
        Ok(found.map(|found| record::parse(found, &self.policy, now)).transpose()?.flatten())
    }

    /// Changes a record by compare and swap; false when there is none.
    async fn change(
        &self,
        id: RecordId,
        now: OffsetDateTime,
        mut change: impl FnMut(&mut Record),
    ) -> Result<bool, StateError> {
        for _ in 0..ATTEMPTS {
            let Some((old, mut record)) = self.load(id, now).await? else { return Ok(false) };
            change(&mut record);
            let changed = if record.accounts.is_empty() {
                self.kv.del_same(&key(id), &old, now).await?
            } else {
                self.kv.swap(&key(id), &old, &record.encode()?, record.exp(&self.policy), now).await?
            };
            if changed {
                return Ok(true);
            }
        }
        Err(StateError::Contended)
    }
}

/// Ignores contention, for a change that only saves work later.
fn unless_contended(changed: Result<bool, StateError>) -> Result<(), StateError> {
    match changed {
        Ok(_) | Err(StateError::Contended) => Ok(()),
        Err(other) => Err(other),
    }
}

/// The key of a record.
pub(in crate::state) fn key(id: RecordId) -> Key {
    Key::new(Drawer::Session, &id.to_string())
}

/// The key of the index of a person's records.
fn index(user_id: &str) -> Key {
    Key::new(Drawer::SessionsOfPerson, user_id)
}
