//! Taking a planned step: one transaction, on condition that it is still to be taken.

use time::OffsetDateTime;

use super::policy::KeyPolicy;
use super::promise;
use super::rotation::Step;
use crate::db::{Conn, DbError};
use crate::protocol::client::SigningAlg;
use crate::protocol::event::Name;
use crate::store::events::{Actor, By};
use crate::store::signing_keys::{self, Change, KeyState, StoredKey};

/// Takes a step that needs no new key; false when another node was first.
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
            // The one that was to end must not have ended for nothing.
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

/// Stores a spare that was made for a ring, shown to nobody yet; false when the ring has one by now.
pub fn store_spare(
    conn: &mut Conn,
    key: &StoredKey,
    policy: &KeyPolicy,
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    promise::lock(conn, policy)?;
    let alg = SigningAlg::from_name(&key.alg);
    let is_there = signing_keys::list(conn)?.iter().any(|other| {
        let state = KeyState::from_name(&other.state);
        SigningAlg::from_name(&other.alg) == alg
            && matches!(state, Some(KeyState::Pending | KeyState::Published))
    });
    if !is_there {
        signing_keys::insert(conn, key, now)?;
    }
    Ok(!is_there)
}

/// Tells whether a step was given up because others had changed what it is about.
pub fn was_overtaken(error: &DbError) -> bool {
    error.is_conflict() || error.was_taken_back()
}
