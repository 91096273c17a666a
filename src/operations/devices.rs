//! Devices: a person approves or denies that one is signed in. Each decision is an event.

use super::Operation;
use super::consents::{self, ConsentFault, Given};
use crate::protocol::device::{Approval, Decision};
use crate::protocol::event::Name;
use crate::protocol::user_code::UserCode;
use crate::state::StateError;
use crate::store::events::{Batch, By, Event};

/// A request of a device that a person decides.
pub struct Decided<'a> {
    /// The person, by identifier.
    pub person: &'a str,
    /// The application, by `client_id`.
    pub client: &'a str,
    /// The user code.
    pub code: &'a UserCode,
    /// The network that the device asked from.
    pub network: &'a str,
    /// The events that wait to be written.
    pub events: &'a Batch,
}

/// Signs the device in. The consent, if one is given with it, is stored first: it is of what the person has seen, whether
/// or not the time of the code is over by then. False when the request was decided before, or has expired.
pub async fn approve(
    op: &Operation<'_>,
    decided: &Decided<'_>,
    approval: Approval,
    consent: Option<Given<'_>>,
) -> Result<bool, ConsentFault> {
    if let Some(given) = consent {
        consents::give(op, given).await?;
    }
    let scope = approval.grant.scope.to_string();
    let is_first = decide(op, decided, Decision::Approved(Box::new(approval))).await?;
    if is_first {
        note(op, decided, Name::DeviceApproved, &scope);
    }
    Ok(is_first)
}

/// Refuses to sign the device in. False when the request was decided before, or has expired.
pub async fn deny(op: &Operation<'_>, decided: &Decided<'_>, scope: &str) -> Result<bool, ConsentFault> {
    let is_first = decide(op, decided, Decision::Denied).await?;
    if is_first {
        note(op, decided, Name::DeviceDenied, scope);
    }
    Ok(is_first)
}

async fn decide(op: &Operation<'_>, decided: &Decided<'_>, decision: Decision) -> Result<bool, StateError> {
    let state = op.state().map_err(|fault| StateError::Broken(fault.to_string()))?;
    state.device_codes.decide(decided.code, decision, op.now).await
}

/// Records a decision. The event is written beside the request: the decision itself is in the state store, and no
/// transaction covers both.
fn note(op: &Operation<'_>, decided: &Decided<'_>, name: Name, scope: &str) {
    let by: &By = &op.by;
    let event = Event::new(name, by).about(decided.person).client(decided.client).with("scope", scope);
    decided.events.note(event.personal("device_network", decided.network), op.now);
}
