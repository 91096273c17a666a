//! Beginning a session after an authentication.

use time::{Duration, OffsetDateTime};

use super::cookie::cookie;
use super::record::{Before, Record};
use super::{Session, Sessions, index, key};
use crate::ids::{RecordId, SessionId};
use crate::protocol::session::Account;
use crate::secret::{Token, base64url, same};
use crate::state::StateError;

/// How long the previous cookie is accepted after an authentication, for tabs that are loading.
pub(super) const OVERLAP: Duration = Duration::seconds(10);

/// A successful authentication.
pub struct Authentication {
    /// The person.
    pub user_id: String,
    /// The hash of the browser's own cookie. The record opens in no other browser.
    pub browser: [u8; 16],
    /// The authentication context class.
    pub acr: String,
    /// The authentication methods.
    pub amr: Vec<String>,
    /// Whether the person asked to stay signed in.
    pub remember: bool,
}

/// A session that was begun.
pub struct Begun {
    /// The browser's record.
    pub record: RecordId,
    /// The new cookie's value; it is not stored.
    pub cookie: String,
    /// The account's session.
    pub session_id: SessionId,
    /// How long the browser should keep the cookie; none for a cookie that ends with the browser.
    pub max_age: Option<Duration>,
}

impl Sessions {
    /// Begins a session after an authentication. The cookie is always new; the session identifier of a person who is
    /// signed in already stays the same.
    ///
    /// The index entry is written before the session, so that [`Sessions::end_user`] misses none. Whether the person may
    /// still sign in must be checked by the caller afterwards.
    pub async fn begin(
        &self,
        existing: Option<&Session>,
        login: &Authentication,
        now: OffsetDateTime,
    ) -> Result<Begun, StateError> {
        let secret = Token::generate();
        let hash = base64url(secret.hash().as_bytes());
        if let Some(session) = existing
            && let Some((session_id, max_age)) = self.rejoin(session, login, &hash, now).await?
        {
            let (record, cookie) = (session.record, cookie(session.record, &secret));
            return Ok(Begun { record, cookie, session_id, max_age });
        }
        let (id, session_id) = (RecordId::generate(), SessionId::generate());
        let ends = self.ends(login, now);
        let record = Record {
            secret: hash,
            browser: base64url(&login.browser),
            accounts: vec![account(session_id, login, ends, now)],
            used_at: now,
            before: None,
        };
        let max_age = record.max_age(now);
        self.indexes.index_add(&index(&login.user_id), &id.to_string(), ends, now).await?;
        self.kv.put(&key(id), &record.encode()?, record.exp(&self.policy)).await?;
        Ok(Begun { record: id, cookie: cookie(id, &secret), session_id, max_age })
    }

    /// Begins a session in a record that exists. `None` when the record has ended meanwhile, or when an authentication
    /// in it has replaced this cookie: an earlier cookie must never lead into a record to which another person has
    /// signed in.
    async fn rejoin(
        &self,
        session: &Session,
        login: &Authentication,
        hash: &str,
        now: OffsetDateTime,
    ) -> Result<Option<(SessionId, Option<Duration>)>, StateError> {
        let ends = self.ends(login, now);
        let mut begun = None;
        self.indexes.index_add(&index(&login.user_id), &session.record.to_string(), ends, now).await?;
        let changed = self.change(session.record, now, |record| {
            begun = None;
            if !record.is_of(&login.browser) || !same(record.secret.as_bytes(), session.presented.as_bytes())
            {
                return;
            }
            record.before = Some(Before {
                secret: std::mem::replace(&mut record.secret, hash.to_owned()),
                until: now + OVERLAP,
                accounts: record.accounts.clone(),
            });
            let known = record.accounts.iter().position(|account| account.user_id == login.user_id);
            let known = known.map(|at| record.accounts.remove(at));
            let id = known.as_ref().map_or_else(SessionId::generate, |known| known.session_id);
            let consents = known.map(|known| known.consents).unwrap_or_default();
            record.accounts.push(Account { consents, ..account(id, login, ends, now) });
            record.used_at = now;
            begun = Some((id, record.max_age(now)));
        });
        // The record may have ended before the change was written.
        Ok(if changed.await? { begun } else { None })
    }

    fn ends(&self, login: &Authentication, now: OffsetDateTime) -> OffsetDateTime {
        self.policy.latest_end(now, login.remember)
    }
}

fn account(
    session_id: SessionId,
    login: &Authentication,
    ends: OffsetDateTime,
    now: OffsetDateTime,
) -> Account {
    Account {
        session_id,
        user_id: login.user_id.clone(),
        auth_time: now,
        acr: login.acr.clone(),
        amr: login.amr.clone(),
        ends,
        remembered: login.remember,
        consents: vec![],
    }
}
