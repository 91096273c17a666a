//! Sessions: ending them. The sessions are in the state store, and the grants that end with them are rows of the main
//! database. The grants are revoked first, so that they are dead even if the state store cannot be reached; then the sessions
//! end; then the grants are looked for once more, because a code may have been redeemed meanwhile. A redemption writes its
//! row before it looks for the session again: so one of both sees the other.

use std::borrow::Cow;

use super::{Operation, StateFault};
use crate::db::DbError;
use crate::ids::{RecordId, SessionId};
use crate::state::sessions::Session;
use crate::state::{State, StateError};
use crate::store::grants;

/// Why sessions are not ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionFault {
    /// The state store could not be opened.
    #[error("{0}")]
    Closed(StateFault),
    /// The state store failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl SessionFault {
    /// The failure of an endpoint or a page, which knows those of both stores.
    pub fn either<E: From<StateError> + From<DbError>>(self) -> E {
        match self {
            SessionFault::Closed(fault) => StateError::Broken(fault.to_string()).into(),
            SessionFault::State(error) => error.into(),
            SessionFault::Db(error) => error.into(),
        }
    }
}

/// Ends the sessions that a browser's cookie sees, with their grants.
pub async fn end(op: &Operation<'_>, session: &Session) -> Result<(), SessionFault> {
    let ids: Vec<SessionId> = session.accounts.iter().map(|account| account.session_id).collect();
    revoke(op, &ids).await?;
    state(op)?.sessions.end(session, op.now).await?;
    revoke(op, &ids).await
}

/// Ends one session of a browser, with its grants. Other sessions of the person stay.
pub async fn end_one(
    op: &Operation<'_>,
    record: RecordId,
    session_id: SessionId,
) -> Result<(), SessionFault> {
    revoke(op, &[session_id]).await?;
    state(op)?.sessions.end_one(record, session_id, op.now).await?;
    revoke(op, &[session_id]).await
}

/// Ends all sessions of a person, and answers in how many browsers. The change before it has revoked their grants; here
/// those are revoked that began meanwhile.
pub async fn end_all(op: &Operation<'_>, user_id: &str) -> Result<usize, SessionFault> {
    let ended = state(op)?.sessions.end_user(user_id, op.now).await?;
    revoke(op, &ended).await?;
    Ok(ended.len())
}

async fn revoke(op: &Operation<'_>, sessions: &[SessionId]) -> Result<(), SessionFault> {
    if !sessions.is_empty() {
        grants::of_sessions(op.db, sessions, op.by.clone(), op.now).await?;
    }
    Ok(())
}

fn state<'a>(op: &'a Operation<'_>) -> Result<Cow<'a, State>, SessionFault> {
    op.state().map_err(SessionFault::Closed)
}
