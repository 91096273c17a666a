//! Browser records: who is signed in, by browser. One read answers everything a request needs.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::Key;
use super::mac::{Found, MacKv};
use crate::ids::{RecordId, SessionId};
use crate::protocol::instant::{age, lasts};
use crate::protocol::session::{Account, SessionPolicy};
use crate::secret::{Token, TokenHash, base64url, from_base64url, same};

/// How long the cookie of before an authentication still answers, for tabs that were under way.
const OVERLAP: Duration = Duration::seconds(10);
/// Idle expiry is written only when it moves by more than this.
const IDLE_STEP: Duration = Duration::minutes(5);
/// How often a change is tried again after somebody else changed the same record first.
const ATTEMPTS: u8 = 8;

/// The drawer of browser records.
#[derive(Clone)]
pub struct Sessions {
    kv: MacKv,
    policy: SessionPolicy,
}

/// What one browser's cookie opened.
#[derive(Clone, Debug)]
pub struct Session {
    /// The record's name; it stays when somebody authenticates again.
    pub record: RecordId,
    /// The accounts signed in here, as far as this cookie may see them.
    pub accounts: Vec<Account>,
    /// The hash of the secret that opened it.
    presented: String,
    /// Whether the idle end is due to be moved.
    touch: bool,
}

/// A successful authentication, to be remembered.
pub struct Authentication {
    /// The person.
    pub user_id: String,
    /// The hash of the browser's own cookie: the record opens in no other browser.
    pub browser: [u8; 16],
    /// How well.
    pub acr: String,
    /// By what methods.
    pub amr: Vec<String>,
    /// Whether the person asked to stay signed in.
    pub remember: bool,
}

/// What an authentication leaves behind.
pub struct Begun {
    /// The browser's record.
    pub record: RecordId,
    /// The new cookie's value, shown once.
    pub cookie: String,
    /// The account's session.
    pub session_id: SessionId,
    /// How long the browser should keep the cookie; for as long as it runs when absent.
    pub max_age: Option<Duration>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Record {
    #[serde(rename = "h")]
    secret: String,
    /// The hash of the cookie of the browser it is for.
    #[serde(rename = "b")]
    browser: String,
    #[serde(rename = "a")]
    accounts: Vec<Account>,
    /// When those end who did not ask to stay signed in, if nobody uses this browser until then.
    #[serde(rename = "i", with = "time::serde::timestamp")]
    idle_ends: OffsetDateTime,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    before: Option<Before>,
}

/// What the cookie of before the last authentication sees for a few seconds more: the accounts of
/// then. Who planted that cookie must not see the person who has just signed in.
#[derive(Clone, Serialize, Deserialize)]
struct Before {
    #[serde(rename = "h")]
    secret: String,
    #[serde(rename = "u", with = "time::serde::timestamp")]
    until: OffsetDateTime,
    #[serde(rename = "a")]
    accounts: Vec<Account>,
}

impl Sessions {
    pub(super) fn new(kv: MacKv) -> Sessions {
        Sessions { kv, policy: SessionPolicy::DEFAULT }
    }

    /// Opens the record a cookie names, in the browser it was begun in; none when it is unknown or over, the cookie
    /// is not its own, or the browser's cookie is another one: a session cookie that was planted opens nothing.
    pub async fn open(
        &self,
        cookie: &str,
        browser: &[u8; 16],
        now: OffsetDateTime,
    ) -> Result<Option<Session>, StateError> {
        let Some((id, presented)) = parse(cookie) else { return Ok(None) };
        let Some((_, record)) = self.load(id, now).await? else { return Ok(None) };
        let is = |stored: &str| same(stored.as_bytes(), presented.as_bytes());
        if !record.is_of(browser) {
            return Ok(None);
        }
        if is(&record.secret) {
            let may_idle = record.accounts.iter().any(|account| !account.remembered);
            let touch = may_idle && (self.idle_ends(now) - record.idle_ends).abs() > IDLE_STEP;
            return Ok(Some(Session { record: id, accounts: record.accounts, presented, touch }));
        }
        match record.before {
            Some(before) if is(&before.secret) && lasts(before.until, OVERLAP, now) => {
                let still = |a: &Account| record.accounts.iter().any(|now| now.session_id == a.session_id);
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
        is_live(self.kv.find(&key(record), now).await?, session_id, now)
    }

    /// Remembers an authentication: a new cookie always, the same session id for the same person.
    ///
    /// The person is indexed before the session exists, so that nobody who ends all sessions of a person
    /// can overlook one; who must not be signed in after all is for the caller to find out afterwards.
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
            idle_ends: self.idle_ends(now),
            before: None,
        };
        let max_age = record.max_age(now);
        self.kv.index_add(&index(&login.user_id), &id.to_string(), ends, now).await?;
        self.kv.put(&key(id), &encode(&record)?, record.exp()).await?;
        Ok(Begun { record: id, cookie: cookie(id, &secret), session_id, max_age })
    }

    /// Authenticates within a record that exists. `None` when it has ended meanwhile, or when somebody
    /// authenticated in it since this cookie: whoever holds a cookie of before must never be led into a
    /// record that another person has signed in to.
    async fn rejoin(
        &self,
        session: &Session,
        login: &Authentication,
        hash: &str,
        now: OffsetDateTime,
    ) -> Result<Option<(SessionId, Option<Duration>)>, StateError> {
        let ends = self.ends(login, now);
        let mut begun = None;
        self.kv.index_add(&index(&login.user_id), &session.record.to_string(), ends, now).await?;
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
            record.idle_ends = self.idle_ends(now);
            begun = Some((id, record.max_age(now)));
        });
        // What the record was changed to is worth nothing if it ended before it was written.
        Ok(if changed.await? { begun } else { None })
    }

    /// Remembers that a consent is in force, so that the next request need not ask the database.
    pub async fn remember_consent(
        &self,
        record: RecordId,
        session_id: SessionId,
        client_id: &str,
        fingerprint: &str,
        now: OffsetDateTime,
    ) -> Result<(), StateError> {
        let remember = |record: &mut Record| {
            if let Some(account) = record.accounts.iter_mut().find(|account| account.session_id == session_id)
            {
                account.remember_consent(client_id, fingerprint);
            }
        };
        unless_contended(self.change(record, now, remember).await)
    }

    /// Moves the idle end, if it is due; most requests write nothing here.
    pub async fn touch(&self, session: &Session, now: OffsetDateTime) -> Result<(), StateError> {
        if session.touch {
            self.change(session.record, now, |record| record.idle_ends = self.idle_ends(now)).await?;
        }
        Ok(())
    }

    /// Signs everybody out whom this cookie sees; with the current cookie that is everybody in the browser.
    pub async fn end(&self, session: &Session, now: OffsetDateTime) -> Result<(), StateError> {
        let seen =
            |account: &Account| session.accounts.iter().any(|seen| seen.session_id == account.session_id);
        let gone = |record: &mut Record| {
            record.accounts.retain(|account| !seen(account));
            record.before = None;
        };
        self.change(session.record, now, gone).await?;
        Ok(())
    }

    /// Ends one session, wherever else the person is signed in.
    pub async fn end_one(
        &self,
        record: RecordId,
        session_id: SessionId,
        now: OffsetDateTime,
    ) -> Result<(), StateError> {
        self.change(record, now, |record| record.accounts.retain(|account| account.session_id != session_id))
            .await?;
        Ok(())
    }

    /// Signs one person out everywhere, and tells in how many browsers. The index keeps the records, which end by
    /// themselves there: taken out, one that the person signs in to at this moment would never be found again.
    pub async fn end_user(&self, user_id: &str, now: OffsetDateTime) -> Result<usize, StateError> {
        let mut ended = 0;
        for id in self.kv.index_list(&index(user_id), now).await?.iter().filter_map(|id| RecordId::parse(id))
        {
            let mut was_there = false;
            let gone = |record: &mut Record| {
                was_there = record.accounts.iter().any(|account| account.user_id == user_id);
                record.accounts.retain(|account| account.user_id != user_id);
                record.before = None;
            };
            ended += usize::from(self.change(id, now, gone).await? && was_there);
        }
        Ok(ended)
    }

    fn ends(&self, login: &Authentication, now: OffsetDateTime) -> OffsetDateTime {
        now + if login.remember { self.policy.remembered } else { self.policy.absolute }
    }

    fn idle_ends(&self, now: OffsetDateTime) -> OffsetDateTime {
        now + self.policy.idle
    }

    /// Reads a record, without the accounts whose time is over, or that signed in in the future.
    async fn load(&self, id: RecordId, now: OffsetDateTime) -> Result<Option<(Found, Record)>, StateError> {
        let found = self.kv.find(&key(id), now).await?;
        Ok(found.map(|found| opened(found, now)).transpose()?.flatten())
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
                self.kv.swap(&key(id), &old, &encode(&record)?, record.exp(), now).await?
            };
            if changed {
                return Ok(true);
            }
        }
        Err(StateError::Contended)
    }
}

/// A record that was found, without the accounts whose time is over, or that signed in in the future.
fn opened(found: Found, now: OffsetDateTime) -> Result<Option<(Found, Record)>, StateError> {
    let Some(value) = found.value() else { return Ok(None) };
    let mut record: Record =
        serde_json::from_slice(value).map_err(|error| StateError::Broken(error.to_string()))?;
    let idle_ends = record.idle_ends;
    let is_past = |account: &Account| age(account.auth_time, now).is_some();
    record.accounts.retain(|account| is_past(account) && end(account, idle_ends) > now);
    Ok(Some((found, record)))
}

/// [`Sessions::is_live`] of a record that was found by its [`key`].
pub(super) fn is_live(
    found: Option<Found>,
    session_id: SessionId,
    now: OffsetDateTime,
) -> Result<bool, StateError> {
    let record = found.map(|found| opened(found, now)).transpose()?.flatten();
    Ok(record.is_some_and(|(_, record)| record.accounts.iter().any(|a| a.session_id == session_id)))
}

impl Record {
    /// Tells whether this is the browser it was begun in.
    fn is_of(&self, browser: &[u8; 16]) -> bool {
        same(self.browser.as_bytes(), base64url(browser).as_bytes())
    }

    /// A record ends with the last of its accounts.
    fn exp(&self) -> OffsetDateTime {
        let ends = self.accounts.iter().map(|account| end(account, self.idle_ends));
        ends.max().unwrap_or(self.idle_ends)
    }

    /// How long the browser should keep the cookie: for the last of those who asked to stay signed in.
    fn max_age(&self, now: OffsetDateTime) -> Option<Duration> {
        let remembered = self.accounts.iter().filter(|account| account.remembered);
        remembered.map(|account| account.ends - now).max()
    }
}

/// When an account's session ends if nobody uses the browser any more.
fn end(account: &Account, idle_ends: OffsetDateTime) -> OffsetDateTime {
    if account.remembered { account.ends } else { account.ends.min(idle_ends) }
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

/// A change that only saves work later is left out when others change the same record all the time.
fn unless_contended(changed: Result<bool, StateError>) -> Result<(), StateError> {
    match changed {
        Ok(_) | Err(StateError::Contended) => Ok(()),
        Err(other) => Err(other),
    }
}

fn encode(record: &Record) -> Result<Vec<u8>, StateError> {
    serde_json::to_vec(record).map_err(|error| StateError::Broken(error.to_string()))
}

/// Where the record of a browser is kept.
pub(super) fn key(id: RecordId) -> Key {
    Key::new('s', &id.to_string())
}

fn index(user_id: &str) -> Key {
    Key::new('u', user_id)
}

/// The cookie: 16 bytes that name the record, then the secret that opens it.
fn cookie(id: RecordId, secret: &Token) -> String {
    format!("{id}{}", secret.expose())
}

/// The record a cookie names, and the hash of the secret it presents.
fn parse(cookie: &str) -> Option<(RecordId, String)> {
    let (id, secret) = cookie.split_at_checked(22)?;
    from_base64url(secret).filter(|bytes| bytes.len() == 32)?;
    Some((RecordId::parse(id)?, base64url(TokenHash::of(secret).as_bytes())))
}
