//! The key-value store as the drawers see it: every value carries a MAC over its key and itself, made with a key
//! that is derived from the instance key. Write access to the store alone thus makes nothing that is believed.
//!
//! What this does not cover: an earlier value of the same key can be put back, a value can be deleted, and counters
//! and indexes, which hold no authority, carry no MAC. The end of a value in the store is not covered either, because
//! the store moves it; whatever must end has its end inside the value.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration as Span, Instant};

use time::OffsetDateTime;

use super::StateError;
use super::kv::{Key, Kv, OnceKey, Part, Spend};
use crate::secret::{MacKeys, TAG};

/// How often a false MAC is written to the log at most.
const WARN_EVERY: Span = Span::from_secs(10);

/// A key-value store whose values carry a MAC.
#[derive(Clone)]
pub(super) struct MacKv {
    kv: Kv,
    keys: Arc<MacKeys>,
    warned: Arc<Mutex<Warned>>,
}

/// When a false MAC was last written to the log, and how many were not since.
#[derive(Default)]
struct Warned {
    last: Option<Instant>,
    untold: u64,
}

/// A value as it lies in the store.
pub(super) struct Found {
    stored: Vec<u8>,
    is_genuine: bool,
}

impl Found {
    /// The value; one whose MAC is wrong is none.
    pub(super) fn value(&self) -> Option<&[u8]> {
        let (value, _tag) = self.stored.split_last_chunk::<TAG>()?;
        self.is_genuine.then_some(value)
    }

    /// The same, without what is kept to change it.
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

    /// [`Kv::put_new`]; a value whose MAC is wrong counts as being there.
    pub(super) async fn put_new(
        &self,
        key: &Key,
        value: &[u8],
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        self.kv.put_new(key, &self.stored(key, value), exp, now).await
    }

    /// [`Kv::get`]; a value whose MAC is wrong is absent.
    pub(super) async fn get(&self, key: &Key, now: OffsetDateTime) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.find(key, now).await?.and_then(Found::into_value))
    }

    /// The value as it is stored, to be changed by [`MacKv::swap`] or [`MacKv::replace`].
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

    /// [`Kv::spend`]; a value whose MAC is wrong is unknown.
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

    /// Stores a value in place of the one that was found, or of none; tells whether that was still so. A value whose
    /// MAC is wrong is replaced whatever became of it.
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

    /// [`Kv::index_add`]; an index carries no MAC: what it names does.
    pub(super) async fn index_add(
        &self,
        set: &Key,
        member: &str,
        exp: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StateError> {
        self.kv.index_add(set, member, exp, now).await
    }

    /// [`Kv::index_list`].
    pub(super) async fn index_list(&self, set: &Key, now: OffsetDateTime) -> Result<Vec<String>, StateError> {
        self.kv.index_list(set, now).await
    }

    /// 16 bytes that hide others beside `random`, which must not be used twice.
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

    /// Says it in the log, now and then: an attacker must not be able to fill the disk with it.
    fn warn(&self, key: &Key) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.last.is_some_and(|last| last.elapsed() < WARN_EVERY) {
            warned.untold += 1;
            return;
        }
        let untold = std::mem::take(&mut warned.untold);
        warned.last = Some(Instant::now());
        drop(warned);
        tracing::error!(
            drawer = %key.drawer(),
            untold,
            "a value in the state store has a wrong MAC and is treated as absent: another program changed it, or a \
             node with another instance key wrote it"
        );
    }
}

/// What a MAC is made of. The key's length stands first, so that no part of it can be taken for a part of the value.
fn parts<'a>(length: &'a [u8; 8], key: &'a Key, value: &'a [u8]) -> [&'a [u8]; 3] {
    [length, key.as_str().as_bytes(), value]
}

fn length(key: &Key) -> [u8; 8] {
    (key.as_str().len() as u64).to_be_bytes()
}
