//! What every node does every few seconds: look at the keys, plan, take the steps that are due.

use std::sync::Arc;
use std::time::Instant;

use time::{Duration, OffsetDateTime};

use super::KeyError;
use super::instance::InstanceKeys;
use super::jose::{KeyPair, thumbprint};
use super::opened::Keys;
use super::promise;
use super::ring::{PURPOSE, Read, Ring};
use super::rotation::{Outlook, Step, outlook, plan};
use super::seal;
use super::steps;
use crate::aside::{self, Urgency};
use crate::clock::Clock;
use crate::db::{Db, DbError};
use crate::protocol::client::SigningAlg;
use crate::store::facts;
use crate::store::signing_keys::{self, KeyState, StoredKey};

/// How many rounds of stepping and looking are taken at most: a spare is published and, if a ring is
/// stranded, begins to sign. As many keys are made at most, one for each ring and some to spare.
const ROUNDS: usize = 6;
/// How long a spare may wait for idle moments of the machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

impl Keys {
    /// Looks at the keys, takes every step that is due, and looks again. Blocks, and making an RSA key
    /// takes a while: for a thread beside those of requests. The writer is held for each step alone.
    pub fn turn(&self, db: &Db, clock: &Clock) -> Result<(), KeyError> {
        self.look(db)?;
        if self.due(clock.now()).is_empty() || self.is_off(db, clock)? {
            return Ok(());
        }
        self.settle(db, Urgency::Sometime(PATIENCE), &|| clock.now())
    }

    /// Takes every step that is due, and those that follow from them.
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
            self.look(db)?;
        }
        Ok(())
    }

    /// Takes the steps that are due, and those that follow, until it is time to make a key.
    fn advance(&self, db: &Db, now: &dyn Fn() -> OffsetDateTime) -> Result<(), KeyError> {
        for _ in 0..ROUNDS {
            let mut steps = self.due(now());
            steps.retain(|step| !matches!(step, Step::Make(_)));
            if steps.is_empty() {
                break;
            }
            for step in steps {
                // The time is read when the turn to write has come, not before the wait for it.
                let policy = &self.ring.load_full().policy;
                told(&step, db.write_now(|conn| steps::take(conn, &step, policy, now())))?;
            }
            self.look(db)?;
        }
        Ok(())
    }

    /// How old each key is that signs, and when the next one takes over.
    pub fn outlook(&self) -> Vec<Outlook> {
        let ring = self.ring.load();
        outlook(&ring.records, &ring.policy)
    }

    /// How far this machine's clock is from the database's; none when they are the same one.
    pub fn clock_off(&self, db: &Db, clock: &Clock) -> Result<Option<Duration>, KeyError> {
        let theirs = db.read_now(facts::database_clock)?;
        Ok(theirs.map(|theirs| clock.unmoved() - theirs))
    }

    fn due(&self, now: OffsetDateTime) -> Vec<Step> {
        let ring = self.ring.load();
        plan(&ring.records, &ring.policy, now)
    }

    /// Reads the keys; the ring is replaced when there is something new.
    pub fn look(&self, db: &Db) -> Result<(), KeyError> {
        let before = self.ring.load_full();
        let asked = Instant::now();
        let (keys, promise) =
            db.read_now(|conn| Ok((signing_keys::list(conn)?, promise::read(conn, &before.policy)?)))?;
        let read = Read { keys, promise, asked };
        if !before.confirm(&read) {
            let ring = Ring::open(read, &self.instance, &before.policy, Some(&before));
            ring.tell_faults();
            self.ring.store(Arc::new(ring));
        }
        Ok(())
    }

    /// Tells whether this node's clock is too far from the database's to judge what is due: one wrong clock
    /// must not rotate away what the others sign with.
    fn is_off(&self, db: &Db, clock: &Clock) -> Result<bool, KeyError> {
        let Some(off) = self.clock_off(db, clock)? else { return Ok(false) };
        let is_off = off.abs() > (self.ring.load().policy.skew / 2_i32).max(Duration::SECOND);
        if is_off {
            let seconds = off.whole_seconds();
            tracing::warn!(
                seconds,
                "the clock is not the database's: this node leaves the keys alone until it is set"
            );
        }
        Ok(is_off)
    }

    /// Makes a key and stores it. What others do to theirs is looked at meanwhile, and what is due is done.
    fn make(
        &self,
        db: &Db,
        alg: SigningAlg,
        urgency: Urgency,
        now: &dyn Fn() -> OffsetDateTime,
    ) -> Result<(), KeyError> {
        let ring = self.ring.load_full();
        // Whoever asks for a token waits for the first key of a ring, and nobody for a spare.
        let urgency = if ring.signs(alg) { urgency } else { Urgency::Soon };
        let bits = ring.policy.rsa_bits;
        let meanwhile = || {
            if let Err(error) = self.look(db).and_then(|()| self.advance(db, now)) {
                tracing::warn!(%error, "the signing keys could not be looked after");
            }
        };
        let every = ring.policy.refresh().unsigned_abs();
        let pair = aside::compute(urgency, move || KeyPair::generate(alg, bits), every, meanwhile)
            .map_err(|error| KeyError::Crypto(format!("there is no thread to make a key: {error}")))??;
        let stored = db.write_now(|conn| {
            let key = sealed(alg, &pair, KeyState::Pending, &self.instance, now());
            steps::store_spare(conn, &key, &ring.policy, now())
        });
        told(&Step::Make(alg), stored)
    }
}

/// Tells of a step that was taken. Another node may have been faster: then there is nothing to tell.
fn told(step: &Step, taken: Result<bool, DbError>) -> Result<(), KeyError> {
    match taken {
        Ok(true) => tracing::info!("signing keys: {step}"),
        Ok(false) => {}
        Err(error) if steps::was_overtaken(&error) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// A new key as it is stored.
pub fn sealed(
    alg: SigningAlg,
    pair: &KeyPair,
    state: KeyState,
    instance: &InstanceKeys,
    now: OffsetDateTime,
) -> StoredKey {
    let (kid, now) = (thumbprint(&pair.public_jwk), now.unix_timestamp());
    StoredKey {
        alg: alg.name().into(),
        state: state.name().into(),
        public_jwk: serde_json::Value::Object(pair.public_jwk.clone()).to_string(),
        private_sealed: Some(seal::seal(instance, PURPOSE, kid.as_bytes(), &pair.private_der)),
        created_at: now,
        since: now,
        until: 0,
        kid,
    }
}
