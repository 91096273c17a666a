//! Consents: what a person allows an application.

use super::Operation;
use crate::db::DbError;
use crate::ids::{RecordId, SessionId};
use crate::protocol::consent::Consent;
use crate::protocol::session::KnownConsent;
use crate::state::StateError;
use crate::store::consents;

/// A consent, and the session in which the person gave it.
pub struct Given<'a> {
    /// The person, by identifier.
    pub person: &'a str,
    /// The application, by `client_id`.
    pub client: &'a str,
    /// The consent.
    pub consent: Consent,
    /// The browser record and the session in it, in which the consent is remembered.
    pub session: (RecordId, SessionId),
    /// The fingerprint of the consent, which the session remembers.
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

/// Stores a consent beside earlier ones, and remembers it in the person's session.
pub async fn give(op: &Operation<'_>, given: Given<'_>) -> Result<(), ConsentFault> {
    let Given { person, client, consent, session: (record, session_id), fingerprint } = given;
    consents::allow(op.db, person, client, consent, op.by.clone(), op.now).await?;
    let state = op.state().map_err(|fault| StateError::Broken(fault.to_string()))?;
    let (client_id, fingerprint) = (client.to_owned(), fingerprint.to_owned());
    let known = KnownConsent { client_id, fingerprint, agreed_at: op.now };
    Ok(state.sessions.remember_consent(record, session_id, known, op.now).await?)
}
