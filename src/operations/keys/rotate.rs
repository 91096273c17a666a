//! Rotating keys: the next key of each ring takes over as soon as every verifier can know it.

use time::Duration;

use super::super::Operation;
use super::{Installation, KeyFault};
use crate::keys::operator::find;
use crate::keys::plan::Step;
use crate::keys::step;
use crate::protocol::client::SigningAlg;
use crate::store::signing_keys::{self, KeyState, StoredKey};

/// The result of asking the key of one ring to give way.
pub enum Turn {
    /// This key signs now. The key before it stays public until its tokens have expired.
    Done(StoredKey),
    /// This key takes over at its `until`. Before that instant some verifiers may not know it.
    Waits(StoredKey),
    /// There is no next key yet. A running server makes it, and it takes over this long after that.
    Unmade(Duration),
}

/// The algorithms with an active key; `only` selects one of them.
pub(super) fn signing(keys: &[StoredKey], only: Option<SigningAlg>) -> Result<Vec<SigningAlg>, KeyFault> {
    let rings = SigningAlg::ALL.into_iter().filter(|alg| find(keys, *alg, KeyState::Active).is_some());
    let rings: Vec<SigningAlg> = rings.filter(|alg| only.is_none_or(|only| only == *alg)).collect();
    if rings.is_empty() { Err(KeyFault::NoneSigns) } else { Ok(rings) }
}

/// Asks the active keys to give way, or the one of an algorithm.
pub fn rotate(
    op: &Operation<'_>,
    installation: Installation<'_>,
    only: Option<SigningAlg>,
) -> Result<Vec<(SigningAlg, Turn)>, KeyFault> {
    let keys = op.db.read_now(signing_keys::list)?;
    let turn = |alg| Ok((alg, turn(op, installation, alg)?));
    signing(&keys, only)?.into_iter().map(turn).collect()
}

/// Asks one key to give way. The next key takes over now if every verifier can know it already.
fn turn(op: &Operation<'_>, installation: Installation<'_>, alg: SigningAlg) -> Result<Turn, KeyFault> {
    let (policy, now) = (installation.policy, op.now);
    let (spare, done) = op.db.write_now(|conn| {
        signing_keys::ask_to_rotate(conn, alg, op.by.clone(), now)?;
        let keys = signing_keys::list(conn)?;
        let spare = find(&keys, alg, KeyState::Published).cloned();
        if let Some(spare) = spare.as_ref().filter(|spare| spare.until <= now.unix_timestamp()) {
            let replaces = find(&keys, alg, KeyState::Active).map(|active| active.kid.clone());
            let done = step::take(conn, &Step::Activate { kid: spare.kid.clone(), replaces }, policy, now)?;
            return Ok((Some(spare.clone()), done));
        }
        Ok((spare, false))
    })?;
    Ok(match spare {
        Some(spare) if done => Turn::Done(spare),
        Some(spare) => Turn::Waits(spare),
        None => Turn::Unmade(policy.publish_before + policy.skew),
    })
}
