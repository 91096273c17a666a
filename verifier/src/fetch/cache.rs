//! The cache of the key set: when a fetch is due, and which callers wait for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::{Duration, OffsetDateTime};
use tokio::sync::watch;

use super::source::{FetchError, Fetched, Source};
use crate::key_set::KeySet;

/// The time limits of the cache.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// The minimum time between two fetches for unknown keys, and after a failed refresh.
    pub(super) cooldown: Duration,
    /// How long stale keys are used.
    pub(super) stale_if_error: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { cooldown: Duration::seconds(30), stale_if_error: Duration::HOUR }
    }
}

/// The cooldown without any keys, during which every request waits: it is short.
const WITHOUT_KEYS: Duration = Duration::SECOND;
/// How many key ids are remembered as absent. More than these are an attack, which the cooldown limits.
const ABSENT: usize = 256;
/// Longer key ids cause no fetch and are not remembered.
const LONGEST_KID: usize = 256;

/// The keys of one issuer, shared by all callers that check its tokens.
#[derive(Debug)]
pub(super) struct Cache {
    source: Source,
    patience: Patience,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    current: Option<Current>,
    failure: Option<(OffsetDateTime, Arc<FetchError>)>,
    /// The fetch that was begun last, while it is under way. Its task holds the sender, so that the channel closes
    /// however the task ends.
    flight: Option<watch::Receiver<()>>,
    /// How many fetches were started; the number of a fetch is its position among them.
    begun: u64,
    /// The number of the fetch whose result is in use.
    landed: u64,
    /// When the last fetch for an unknown key was made.
    asked: Option<OffsetDateTime>,
    /// Key ids that a fresh set lacked, and when.
    absent: HashMap<String, OffsetDateTime>,
}

#[derive(Debug)]
struct Current {
    keys: Arc<KeySet>,
    since: OffsetDateTime,
    fresh: Duration,
}

impl Cache {
    pub(super) fn new(source: Source, patience: Patience) -> Self {
        Self { source, patience, state: Mutex::default() }
    }

    /// Returns the keys in use. Waits only if there are none, or none that may still be used.
    pub(super) async fn keys(self: &Arc<Self>, now: OffsetDateTime) -> Result<Arc<KeySet>, Arc<FetchError>> {
        let flight = {
            let mut state = self.state();
            if let Some(keys) = state.serving(now, self.patience.stale_if_error) {
                if state.is_due(now, self.patience.cooldown) {
                    self.take_off(&mut state, now);
                }
                return Ok(keys);
            }
            if let Some(error) = state.failed_within(now, WITHOUT_KEYS) {
                return Err(error);
            }
            self.take_off(&mut state, now)
        };
        land(flight).await;
        let state = self.state();
        let failure =
            || state.failure.as_ref().map_or_else(|| Arc::new(FetchError::CutOff), |(_, e)| Arc::clone(e));
        state.serving(now, self.patience.stale_if_error).ok_or_else(failure)
    }

    /// Returns a set newer than one that lacked `kid`, or none if no fetch is due.
    ///
    /// Invented key ids can use up the one fetch per cooldown and nothing else: callers with known keys never
    /// come here, and a key that is really new is found when the cooldown ends at the latest. A refresh that
    /// was started before may have been answered before the key was there: it is not joined, and the two may
    /// overlap.
    pub(super) async fn keys_with(self: &Arc<Self>, kid: &str, now: OffsetDateTime) -> Option<Arc<KeySet>> {
        let flight = {
            let mut state = self.state();
            let current = state.current.as_ref()?;
            if current.keys.has(kid) {
                return Some(Arc::clone(&current.keys));
            }
            if kid.len() > LONGEST_KID || state.is_known_absent(kid, now, self.remembered()) {
                return None;
            }
            match state.flying() {
                // A fetch for another unknown key was started a moment ago.
                Some(flight) if state.has_asked(now, self.patience.cooldown) => flight,
                None if state.has_asked(now, self.patience.cooldown) => return None,
                _ => {
                    state.asked = Some(now);
                    self.begin(&mut state, now)
                }
            }
        };
        land(flight).await;
        let mut state = self.state();
        let keys = Arc::clone(&state.current.as_ref()?.keys);
        if state.failure.is_none() && !keys.has(kid) {
            state.remember_absent(kid, now, self.remembered());
        }
        Some(keys)
    }

    /// Joins the running fetch or starts one. It runs as its own task: a caller that disconnects stops no
    /// fetch.
    fn take_off(self: &Arc<Self>, state: &mut State, now: OffsetDateTime) -> watch::Receiver<()> {
        state.flying().unwrap_or_else(|| self.begin(state, now))
    }

    fn begin(self: &Arc<Self>, state: &mut State, now: OffsetDateTime) -> watch::Receiver<()> {
        let (landed, flight) = watch::channel(());
        let cache = Arc::clone(self);
        state.begun += 1;
        let number = state.begun;
        tokio::spawn(async move {
            let outcome = cache.source.fetch().await;
            cache.state().record(number, outcome, now);
            drop(landed);
        });
        state.flight = Some(flight.clone());
        flight
    }

    fn remembered(&self) -> Duration {
        self.patience.cooldown.saturating_mul(2)
    }

    /// A panic elsewhere leaves the state consistent: every change is one assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn serving(&self, now: OffsetDateTime, stale_if_error: Duration) -> Option<Arc<KeySet>> {
        let current = self.current.as_ref()?;
        within(current.since, now, current.fresh.saturating_add(stale_if_error))
            .then(|| Arc::clone(&current.keys))
    }

    fn is_due(&self, now: OffsetDateTime, cooldown: Duration) -> bool {
        let fresh = self.current.as_ref().is_some_and(|current| within(current.since, now, current.fresh));
        !fresh && self.failed_within(now, cooldown).is_none()
    }

    fn failed_within(&self, now: OffsetDateTime, span: Duration) -> Option<Arc<FetchError>> {
        let (at, error) = self.failure.as_ref()?;
        within(*at, now, span).then(|| Arc::clone(error))
    }

    fn flying(&self) -> Option<watch::Receiver<()>> {
        self.flight.as_ref().filter(|flight| flight.has_changed().is_ok()).cloned()
    }

    fn has_asked(&self, now: OffsetDateTime, cooldown: Duration) -> bool {
        self.asked.is_some_and(|asked| within(asked, now, cooldown))
    }

    /// Of fetches that overlapped, the one started later counts: an earlier one may have been answered with
    /// an older set, and must neither restore a withdrawn key nor report a failure that is over.
    fn record(&mut self, number: u64, outcome: Result<Fetched, FetchError>, now: OffsetDateTime) {
        if number < self.landed {
            return;
        }
        self.landed = number;
        match outcome {
            Ok(Fetched { keys, fresh }) => {
                self.current = Some(Current { keys: Arc::new(keys), since: now, fresh });
                self.failure = None;
            }
            Err(error) => self.failure = Some((now, Arc::new(error))),
        }
    }

    fn is_known_absent(&self, kid: &str, now: OffsetDateTime, remembered: Duration) -> bool {
        self.absent.get(kid).is_some_and(|at| within(*at, now, remembered))
    }

    fn remember_absent(&mut self, kid: &str, now: OffsetDateTime, remembered: Duration) {
        self.absent.retain(|_, at| within(*at, now, remembered));
        if self.absent.len() < ABSENT {
            self.absent.insert(kid.to_owned(), now);
        }
    }
}

/// Tells whether two instants are less than a span apart. Either may be the later one: a clock can be set
/// back, and an entry must not count as new until the clock has caught up.
fn within(one: OffsetDateTime, other: OffsetDateTime, span: Duration) -> bool {
    (other - one).abs() < span
}

/// Waits until a fetch has ended, well or badly.
async fn land(mut flight: watch::Receiver<()>) {
    while flight.changed().await.is_ok() {}
}
