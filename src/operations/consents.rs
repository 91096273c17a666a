//! Consents: what a person allows an application.

use super::Operation;
use crate::db::DbError;
use crate::ids::{RecordId, SessionId};
use crate::protocol::consent::Consent;
use crate::state::StateError;
use crate::store::consents;

/// What a person allows, and where they said so.
pub struct Given<'a> {
    /// The person, by identifier.
    pub person: &'a str,
    /// The application, by `client_id`.
    pub client: &'a str,
    /// What is allowed.
    pub consent: Consent,
    /// The browser record and the session in it, which remember the consent.
    pub session: (RecordId, SessionId),
    /// What the session remembers of it.
    pub fingerprint: &'a str,
}

/// Why a consent is not recorded.
#[derive(Debug, thiserror::Error)]
pub enum ConsentFault {
    /// The state store failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Records what a person allows an application, beside what was allowed before; their session remembers it.
pub async fn give(op: &Operation<'_>, given: Given<'_>) -> Result<(), ConsentFault> {
    let Given { person, client, consent, session: (record, session_id), fingerprint } = given;
    consents::allow(op.db, person, client, consent, op.by.clone(), op.now).await?;
    let state = op.state().map_err(|fault| StateError::Broken(fault.to_string()))?;
    Ok(state.sessions.remember_consent(record, session_id, client, fingerprint, op.now).await?)
}
