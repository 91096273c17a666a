//! Taking a planned step: one transaction, which does nothing if the key has changed since the plan was made.

use time::OffsetDateTime;

use super::plan::Step;
use super::policy::KeyPolicy;
use super::promise;
use crate::db::{Conn, DbError};
use crate::protocol::client::SigningAlg;
use crate::protocol::event::Name;
use crate::store::events::{Actor, By};
use crate::store::signing_keys::{self, Change, KeyState, StoredKey};

/// Takes a step that needs no new key; false when another node has taken it.
pub fn take(conn: &mut Conn, step: &Step, policy: &KeyPolicy, now: OffsetDateTime) -> Result<bool, DbError> {
    let promise = promise::lock(conn, policy)?;
    let by = &By::from(Actor::System(None));
    let change = |kid, from, to, until, event| Change { kid, from, to, until, by, event };
    match step {
        Step::Make(_) => Ok(false),
        Step::Publish(kid) => {
            let until = promise.may_sign_from(policy, now);
            let change = change(kid, KeyState::Pending, KeyState::Published, until, Name::KeyPublished);
            signing_keys::change(conn, &change, now)
        }
        Step::Activate { kid, replaces } => {
            if let Some(kid) = replaces {
                let until = promise.may_leave_at(policy, now);
                let change = change(kid, KeyState::Active, KeyState::Retiring, until, Name::KeyRetiring);
                if !signing_keys::change(conn, &change, now)? {
                    return Ok(false);
                }
            }
            let change = change(kid, KeyState::Published, KeyState::Active, 0, Name::KeyActivated);
            if signing_keys::change(conn, &change, now)? {
                return Ok(true);
            }
            // Rolls back, so that the old key stays active when the new one cannot take over.
            Err(diesel::result::Error::RollbackTransaction.into())
        }
        Step::Retire(kid) => {
            let until = promise.may_leave_at(policy, now);
            let change = change(kid, KeyState::Active, KeyState::Retiring, until, Name::KeyRetiring);
            signing_keys::change(conn, &change, now)
        }
        Step::Retain(kid) => {
            let change = change(kid, KeyState::Retiring, KeyState::Retained, 0, Name::KeyRetained);
            signing_keys::change(conn, &change, now)
        }
        Step::Destroy { kid, from } => {
            let change = change(kid, *from, KeyState::Destroyed, 0, Name::KeyDestroyed);
            signing_keys::change(conn, &change, now)
        }
        Step::Date { kid, state } => {
            let until = match state {
                KeyState::Published => promise.may_sign_from(policy, now),
                KeyState::Retiring => promise.may_leave_at(policy, now),
                KeyState::Pending | KeyState::Active | KeyState::Retained | KeyState::Destroyed => 0,
            };
            signing_keys::change(conn, &change(kid, *state, *state, until, Name::KeyDated), now)
        }
    }
}

/// Stores a new spare in the state `pending`; false when the ring has a spare already.
pub fn store_spare(
    conn: &mut Conn,
    key: &StoredKey,
    policy: &KeyPolicy,
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    promise::lock(conn, policy)?;
    let alg = SigningAlg::from_name(&key.alg);
    let has_spare = signing_keys::list(conn)?.iter().any(|other| {
        let state = KeyState::from_name(&other.state);
        SigningAlg::from_name(&other.alg) == alg
            && matches!(state, Some(KeyState::Pending | KeyState::Published))
    });
    if !has_spare {
        signing_keys::insert(conn, key, now)?;
    }
    Ok(!has_spare)
}

/// Tells whether a step was given up because its key had changed.
pub fn was_overtaken(error: &DbError) -> bool {
    error.is_conflict() || error.was_taken_back()
}
