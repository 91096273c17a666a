//! Ending sessions.

use time::OffsetDateTime;

use super::record::Record;
use super::{Session, Sessions, index};
use crate::ids::{RecordId, SessionId};
use crate::protocol::session::Account;
use crate::state::StateError;

impl Sessions {
    /// Ends the sessions that this cookie sees. The current cookie sees all sessions of the browser.
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

    /// Ends one session. Other sessions of the person stay.
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

    /// Ends all sessions of a person, and answers which: one for each browser. The index entries stay until they expire: a
    /// record to which the person signs in at this moment would otherwise never be found again.
    pub async fn end_user(&self, user_id: &str, now: OffsetDateTime) -> Result<Vec<SessionId>, StateError> {
        let mut ended = vec![];
        for id in
            self.indexes.index_list(&index(user_id), now).await?.iter().filter_map(|id| RecordId::parse(id))
        {
            let mut there = None;
            let gone = |record: &mut Record| {
                let account = record.accounts.iter().find(|account| account.user_id == user_id);
                there = account.map(|account| account.session_id);
                record.accounts.retain(|account| account.user_id != user_id);
                record.before = None;
            };
            if self.change(id, now, gone).await? {
                ended.extend(there);
            }
        }
        Ok(ended)
    }
}
