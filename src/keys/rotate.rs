//! Key rotation on every node, every few seconds: read the keys, plan, take the steps that are due.

use std::sync::Arc;
use std::time::Instant;

use time::{Duration, OffsetDateTime};

use super::KeyError;
use super::jose::KeyPair;
use super::key_set::Keys;
use super::plan::{Outlook, Step, outlook, plan};
use super::promise;
use super::snapshot::{Read, Snapshot};
use super::step;
use super::stored_key::seal_pair;
use crate::background::{self, Urgency};
use crate::clock::Clock;
use crate::db::{Db, DbError};
use crate::protocol::client::SigningAlg;
use crate::store::facts;
use crate::store::signing_keys::{self, KeyState};

/// The largest number of rounds of stepping and reading: a spare is made, published and, if no key of its ring can
/// sign, activated. Also the largest number of keys that are made.
const ROUNDS: usize = 6;
/// How long making a spare may wait for idle processor time.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

impl Keys {
    /// Reads the keys, takes every step that is due, and reads them again. Blocks for as long as an RSA key takes to
    /// make: not for a thread that serves requests. The writer is held for each step alone.
    pub fn rotate(&self, db: &Db, clock: &Clock) -> Result<(), KeyError> {
        self.refresh(db)?;
        if self.due(clock.now()).is_empty() || self.is_clock_off(db, clock)? {
            return Ok(());
        }
        self.settle(db, Urgency::Sometime(PATIENCE), &|| clock.now())
    }

    /// Takes every step that is due, and the steps that become due by them.
    pub(super) fn settle(
        &self,
        db: &Db,
        making: Urgency,
        now: &dyn Fn() -> OffsetDateTime,
    ) -> Result<(), KeyError> {
        for _ in 0..ROUNDS {
            self.advance(db, now)?;
            let Some(Step::Make(alg)) = self.due(now()).into_iter().next() else { break };
            self.make(db, alg, making, now)?;
            self.refresh(db)?;
        }
        Ok(())
    }

    /// Takes the steps that are due, and those that become due by them, up to one that makes a key.
    fn advance(&self, db: &Db, now: &dyn Fn() -> OffsetDateTime) -> Result<(), KeyError> {
        for _ in 0..ROUNDS {
            let mut steps = self.due(now());
            steps.retain(|step| !matches!(step, Step::Make(_)));
            if steps.is_empty() {
                break;
            }
            for step in steps {
                // The clock is read after the wait for the writer.
                let policy = &self.snapshot.load_full().policy;
                log_step(&step, db.write_now(|conn| step::take(conn, &step, policy, now())))?;
            }
            self.refresh(db)?;
        }
        Ok(())
    }

    /// How old each key is that signs, and when the next one takes over.
    pub fn outlook(&self) -> Vec<Outlook> {
        let snapshot = self.snapshot.load();
        outlook(&snapshot.records, &snapshot.policy)
    }

    /// How far the clock of this machine is ahead of the database's; none when they are the same clock.
    pub fn clock_offset(&self, db: &Db, clock: &Clock) -> Result<Option<Duration>, KeyError> {
        let theirs = db.read_now(facts::database_clock)?;
        Ok(theirs.map(|theirs| clock.unmoved() - theirs))
    }

    fn due(&self, now: OffsetDateTime) -> Vec<Step> {
        let snapshot = self.snapshot.load();
        plan(&snapshot.records, &snapshot.policy, now)
    }

    /// Reads the keys, and replaces the snapshot if they have changed.
    pub fn refresh(&self, db: &Db) -> Result<(), KeyError> {
        let before = self.snapshot.load_full();
        let asked = Instant::now();
        // The promise first: a key that is active afterwards will be retired under it, or under a longer one.
        let (promise, keys) =
            db.read_now(|conn| Ok((promise::read(conn, &before.policy)?, signing_keys::list(conn)?)))?;
        let read = Read { keys, promise, asked };
        if !before.confirm(&read) {
            let snapshot = Snapshot::open(read, &self.instance, &before.policy, Some(&before));
            snapshot.log_unusable();
            self.snapshot.store(Arc::new(snapshot));
        }
        Ok(())
    }

    /// Tells whether the clock differs too much from the database's to judge what is due. One wrong clock must not
    /// retire the keys that other nodes sign with.
    fn is_clock_off(&self, db: &Db, clock: &Clock) -> Result<bool, KeyError> {
        let Some(off) = self.clock_offset(db, clock)? else { return Ok(false) };
        let is_off = off.abs() > (self.snapshot.load().policy.skew / 2_i32).max(Duration::SECOND);
        if is_off {
            let seconds = off.whole_seconds();
            tracing::warn!(
                seconds,
                "the clock is not the database's: this node leaves the keys alone until it is set"
            );
        }
        Ok(is_off)
    }

    /// Makes a key and stores it. Meanwhile the other keys are read and rotated as usual.
    fn make(
        &self,
        db: &Db,
        alg: SigningAlg,
        urgency: Urgency,
        now: &dyn Fn() -> OffsetDateTime,
    ) -> Result<(), KeyError> {
        let snapshot = self.snapshot.load_full();
        // Requests wait for the first key of a ring; a spare can wait.
        let urgency = if snapshot.signs(alg) { urgency } else { Urgency::Soon };
        let bits = snapshot.policy.rsa_bits;
        let meanwhile = || {
            if let Err(error) = self.refresh(db).and_then(|()| self.advance(db, now)) {
                tracing::warn!(%error, "the signing keys could not be looked after");
            }
        };
        let every = snapshot.policy.refresh().unsigned_abs();
        let pair = background::compute(urgency, move || KeyPair::generate(alg, bits), every, meanwhile)
            .map_err(|error| KeyError::Crypto(format!("there is no thread to make a key: {error}")))??;
        let stored = db.write_now(|conn| {
            let key = seal_pair(alg, &pair, KeyState::Pending, &self.instance, now());
            step::store_spare(conn, &key, &snapshot.policy, now())
        });
        log_step(&Step::Make(alg), stored)
    }
}

/// Logs a step that was taken. When another node has taken it first there is nothing to log.
fn log_step(step: &Step, taken: Result<bool, DbError>) -> Result<(), KeyError> {
    match taken {
        Ok(true) => tracing::info!("signing keys: {step}"),
        Ok(false) => {}
        Err(error) if step::was_overtaken(&error) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
