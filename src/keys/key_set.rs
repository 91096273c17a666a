//! The keys of a running provider.

use arc_swap::ArcSwap;
use time::Duration;

use super::instance::InstanceKeys;
use super::promise;
use super::snapshot::Snapshot;
use crate::db::{Db, DbError};
use crate::ids::{GrantId, RecordId, SessionId};
use crate::protocol::claims::REVOCATION_SLACK;
use crate::protocol::refresh::{KEY_VERSION, RefreshToken};
use crate::secret::{Key, MacKeys, base64url, from_base64url};
use crate::store::events::Vault;

/// All keys of a running provider.
pub struct Keys {
    /// Seals tickets and other values that are kept outside.
    pub instance: InstanceKeys,
    /// The signing keys; replaced as a whole when they change.
    pub snapshot: ArcSwap<Snapshot>,
    /// Derives `sid` claims.
    pub sid: Key,
    /// Derives pairwise `sub` claims. It never changes: a person would be another one for every client.
    pub pairwise: Key,
    /// Encrypts the session that an access token refers to.
    pub(super) session_reference: Key,
    /// Authenticates refresh tokens.
    pub(super) refresh: Key,
    /// Authenticates forms that carry no ticket.
    pub csrf: Key,
    /// Authenticates the cookie of a browser that has signed in before.
    pub device: Key,
    /// Seals personal detail of events.
    pub vault: Vault,
    /// Authenticate values in the state store.
    pub state: MacKeys,
}

impl Keys {
    /// How long a revocation is kept: until the last token of its grant has expired. The longest lifetime is read from the
    /// database, because another node may offer one that this node has not seen yet.
    pub async fn revocation_remembered(&self, db: &Db) -> Result<Duration, DbError> {
        let policy = self.snapshot.load().policy.clone();
        let longest = db.read(move |conn| Ok(promise::read(conn, &policy)?.longest_token(&policy))).await?;
        Ok(longest + REVOCATION_SLACK)
    }

    /// The key of the refresh tokens of a family, by the version in the first byte of its salt; none when that key is gone.
    pub fn refresh_key(&self, salt: &[u8]) -> Option<&Key> {
        (salt.first() == Some(&KEY_VERSION)).then_some(&self.refresh)
    }

    /// Tells whether a refresh token was made here for a family with this salt.
    pub fn made(&self, token: &RefreshToken, salt: &[u8]) -> bool {
        self.refresh_key(salt).is_some_and(|key| token.is_genuine(key, salt))
    }

    /// Encrypts the session a grant came from, in 43 characters. The pad is derived from the random name of the
    /// grant, so two tokens of one session have nothing in common.
    pub fn hide_session(&self, record: RecordId, session_id: SessionId, grant_id: GrantId) -> String {
        let mut pad = self.session_reference.mac(&[grant_id.as_bytes()]);
        let plain = record.as_bytes().iter().chain(session_id.as_bytes());
        pad.iter_mut().zip(plain).for_each(|(pad, plain)| *pad ^= plain);
        base64url(&pad)
    }

    /// Decrypts the result of [`Keys::hide_session`]. It is not authenticated here: the token around it is signed.
    pub fn reveal_session(&self, hidden: &str, grant_id: GrantId) -> Option<(RecordId, SessionId)> {
        let mut plain = from_base64url(hidden).filter(|hidden| hidden.len() == 32)?;
        let pad = self.session_reference.mac(&[grant_id.as_bytes()]);
        plain.iter_mut().zip(pad).for_each(|(plain, pad)| *plain ^= pad);
        let (record, session_id) = plain.split_at_checked(16)?;
        Some((RecordId::from_bytes(record)?, SessionId::from_bytes(session_id)?))
    }
}
