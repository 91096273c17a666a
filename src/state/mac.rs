//! The key-value store of the drawers: each value carries a MAC over its key and itself, under a key derived from the
//! instance key. Write access to the store alone thus creates no accepted value.
//!
//! Not covered: an earlier value of the same key can be restored, a value can be deleted, and counters and indexes, which
//! grant nothing, carry no MAC. The end of a value in the store is not covered either, because it is moved; a value that
//! must end contains its end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration as Span, Instant};

use time::OffsetDateTime;

use super::StateError;
use super::kv::{Key, Kv, OnceKey, Part, Spend};
use crate::secret::{MacKeys, TAG};

/// Shortest time between two log lines about wrong MACs.
const WARN_EVERY: Span = Span::from_secs(10);

/// A key-value store whose values carry a MAC.
#[derive(Clone)]
pub(super) struct MacKv {
    kv: Kv,
    keys: Arc<MacKeys>,
    warned: Arc<Mutex<Warned>>,
}

/// The last log line about a wrong MAC, and the number of those suppressed since.
#[derive(Default)]
struct Warned {
    last: Option<Instant>,
    suppressed: u64,
}

/// A stored value, with its MAC.
pub(super) struct Found {
    stored: Vec<u8>,
    is_genuine: bool,
}

impl Found {
    /// The value; none if its MAC is wrong.
    pub(super) fn value(&self) -> Option<&[u8]> {
        let (value, _tag) = self.stored.split_last_chunk::<TAG>()?;
        self.is_genuine.then_some(value)
    }

    /// The same, by value.
    fn into_value(mut self) -> Option<Vec<u8>> {
        let length = self.value()?.len();
        self.stored.truncate(length);
        Some(self.stored)
    }
}

impl MacKv {
    pub(super) fn new(kv: Kv, keys: MacKeys) -> MacKv {
        MacKv { kv, keys: Arc::new(keys), warned: Arc::default() }
    }

    /// [`Kv::put`].
    pub(super) async fn put(&self, key: &Key, value: &[u8], exp: OffsetDateTime) -> Result<(), StateError> {
        self.kv.put(key, &self.stored(key, value), exp).await
    }

    /// [`Kv::put_new`]; a value with a wrong MAC counts as present.
    pub(super) async fn put_new(
        &self,
        key: &Key,
        value: &[u8],
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        self.kv.put_new(key, &self.stored(key, value), exp, now).await
    }

    /// [`Kv::get`]; a value with a wrong MAC is absent.
    pub(super) async fn get(&self, key: &Key, now: OffsetDateTime) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.find(key, now).await?.and_then(Found::into_value))
    }

    /// The stored value, for a change by [`MacKv::swap`] or [`MacKv::replace`].
    pub(super) async fn find(&self, key: &Key, now: OffsetDateTime) -> Result<Option<Found>, StateError> {
        Ok(self.kv.get(key, now).await?.map(|stored| self.found(key, stored)))
    }

    /// [`Kv::issue`]; each part has a MAC of its own.
    pub(super) async fn issue(
        &self,
        key: &OnceKey,
        whole: &[u8],
        later: &[u8],
        exp: OffsetDateTime,
    ) -> Result<(), StateError> {
        let stored = |part, value| self.stored(&key.part(part), value);
        self.kv.issue(key, &stored(Part::Whole, whole), &stored(Part::Later, later), exp).await
    }

    /// [`Kv::spend`]; a value with a wrong MAC is unknown.
    pub(super) async fn spend(
        &self,
        key: &OnceKey,
        beside: [&Key; 2],
        now: OffsetDateTime,
    ) -> Result<(Spend, [Option<Found>; 2]), StateError> {
        let genuine = |part, stored| self.found(&key.part(part), stored).into_value();
        let (spent, [first, second]) = self.kv.spend(key, beside, now).await?;
        let spent = match spent {
            Spend::Fresh(stored) => genuine(Part::Whole, stored).map_or(Spend::Unknown, Spend::Fresh),
            Spend::Spent(stored) => genuine(Part::Later, stored).map_or(Spend::Unknown, Spend::Spent),
            Spend::Unknown => Spend::Unknown,
        };
        let found = |key, stored: Option<Vec<u8>>| stored.map(|stored| self.found(key, stored));
        let [first_key, second_key] = beside;
        Ok((spent, [found(first_key, first), found(second_key, second)]))
    }

    /// [`Kv::swap`].
    pub(super) async fn swap(
        &self,
        key: &Key,
        old: &Found,
        new: &[u8],
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        self.kv.swap(key, &old.stored, &self.stored(key, new), exp, now).await
    }

    /// Replaces the value that was found, or none; false if it has changed meanwhile. A value with a wrong MAC is replaced
    /// in any case.
    pub(super) async fn replace(
        &self,
        key: &Key,
        found: Option<&Found>,
        new: &[u8],
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        match found {
            Some(old) if old.is_genuine => self.swap(key, old, new, exp, now).await,
            Some(_) => self.put(key, new, exp).await.map(|()| true),
            None => self.put_new(key, new, exp, now).await,
        }
    }

    /// [`Kv::del_same`].
    pub(super) async fn del_same(
        &self,
        key: &Key,
        old: &Found,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        self.kv.del_same(key, &old.stored, now).await
    }

    /// A pad of 16 bytes for `random`, which must not be used twice.
    pub(super) fn pad(&self, random: &[u8; 32]) -> [u8; TAG] {
        self.keys.tag(&[b"pad", random])
    }

    fn stored(&self, key: &Key, value: &[u8]) -> Vec<u8> {
        [value, &self.keys.tag(&parts(&length(key), key, value))].concat()
    }

    fn found(&self, key: &Key, stored: Vec<u8>) -> Found {
        let is_genuine = stored
            .split_last_chunk::<TAG>()
            .is_some_and(|(value, found)| self.keys.accept(&parts(&length(key), key, value), found));
        if !is_genuine {
            self.warn(key);
        }
        Found { stored, is_genuine }
    }

    /// Writes a log line, at a limited rate, so that an attacker cannot fill the disk.
    fn warn(&self, key: &Key) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.last.is_some_and(|last| last.elapsed() < WARN_EVERY) {
            warned.suppressed += 1;
            return;
        }
        let suppressed = std::mem::take(&mut warned.suppressed);
        warned.last = Some(Instant::now());
        drop(warned);
        tracing::error!(
            drawer = %key.letter(),
            suppressed,
            "a value in the state store has a wrong MAC and is treated as absent: another program changed it, or a \
             node with another instance key wrote it"
        );
    }
}

/// The input of a MAC. The key's length comes first, so that the boundary between key and value is unambiguous.
fn parts<'a>(length: &'a [u8; 8], key: &'a Key, value: &'a [u8]) -> [&'a [u8]; 3] {
    [length, key.as_str().as_bytes(), value]
}

fn length(key: &Key) -> [u8; 8] {
    (key.as_str().len() as u64).to_be_bytes()
}
