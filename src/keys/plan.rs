//! The plan of key rotation, a pure function. Every node makes it from the same rows, and takes a step only if the
//! key has not changed since, so any number of nodes agree without a leader.

use std::fmt;

use time::OffsetDateTime;

use super::policy::KeyPolicy;
use crate::protocol::client::SigningAlg;
use crate::protocol::instant::AHEAD;
use crate::store::signing_keys::{KeyState, StoredKey};

/// A signing key, as far as the plan depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its `kid`.
    pub kid: String,
    /// Its ring.
    pub alg: SigningAlg,
    /// Its state.
    pub state: KeyState,
    /// Since when it has this state, in seconds since the epoch.
    pub since: i64,
    /// Until when the state is held; see [`crate::store::signing_keys::StoredKey::until`].
    pub until: i64,
    /// False when the row is damaged, so that the key cannot be used as its state demands.
    pub usable: bool,
}

/// One step in the life of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make a spare for a ring.
    Make(SigningAlg),
    /// Publish a pending key.
    Publish(String),
    /// Activate a published key, and retire the one that has signed so far.
    Activate {
        /// The key that becomes active.
        kid: String,
        /// The key that retires.
        replaces: Option<String>,
    },
    /// Retire the last key of a ring that is no longer configured.
    Retire(String),
    /// Take a retired key out of the public set.
    Retain(String),
    /// Destroy a key that is not needed any more.
    Destroy {
        /// The key.
        kid: String,
        /// Its present state.
        from: KeyState,
    },
    /// Date a key anew that a clock that ran ahead had dated in the future: its state begins now.
    Date {
        /// The key.
        kid: String,
        /// Its state, which does not change.
        state: KeyState,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Make(alg) => write!(f, "made a spare for {}", alg.name()),
            Step::Publish(kid) => write!(f, "{kid} is public now, and signs later"),
            Step::Activate { kid, replaces: None } => write!(f, "{kid} signs now"),
            Step::Activate { kid, replaces: Some(old) } => {
                write!(
                    f,
                    "{kid} signs now in place of {old}, which stays public until its tokens have expired"
                )
            }
            Step::Retire(kid) => write!(f, "{kid} signs no more"),
            Step::Retain(kid) => write!(f, "{kid} is public no more, and only recognises old ID tokens"),
            Step::Destroy { kid, .. } => write!(f, "{kid} is destroyed"),
            Step::Date { kid, .. } => {
                write!(f, "{kid} was dated in the future by a clock that ran ahead, and is dated anew")
            }
        }
    }
}

/// Plans the steps that are due; none when nothing is due. Planning again after they were taken gives the steps that
/// follow. A step that is taken late only delays the rotation, and one that is taken twice changes nothing.
///
/// A key that is dated further ahead than clocks may differ would stay in its state for too long. It is dated anew
/// before any other step in its ring.
pub fn plan(keys: &[Record], policy: &KeyPolicy, now: OffsetDateTime) -> Vec<Step> {
    let now = now.unix_timestamp();
    let mut steps = vec![];
    for alg in SigningAlg::ALL {
        let ring = Ring::of(keys, alg);
        let ahead: Vec<Step> =
            ring.keys.iter().filter(|key| is_ahead(key, policy, now)).map(|key| date(key)).collect();
        if !ahead.is_empty() {
            steps.extend(ahead);
            continue;
        }
        steps.extend(ring.handover(policy, now));
        steps.extend(ring.removals(policy, now));
        steps.extend(ring.spare(policy));
    }
    // Making an RSA key is slow: the quick steps come first.
    steps.sort_by_key(|step| match step {
        Step::Make(SigningAlg::RS256 | SigningAlg::PS256) => 2,
        Step::Make(_) => 1,
        _ => 0,
    });
    steps
}

/// The keys of one algorithm.
struct Ring<'a> {
    alg: SigningAlg,
    keys: Vec<&'a Record>,
}

impl<'a> Ring<'a> {
    fn of(keys: &'a [Record], alg: SigningAlg) -> Ring<'a> {
        Ring { alg, keys: keys.iter().filter(|key| key.alg == alg).collect() }
    }

    fn find(&self, state: KeyState) -> Option<&'a Record> {
        self.keys.iter().copied().find(|key| key.state == state)
    }

    /// Tells whether a ring that must sign has no key that can: then the next key need not wait for caches.
    fn is_stranded(&self) -> bool {
        match self.find(KeyState::Active) {
            Some(active) => !active.usable,
            None => SigningAlg::ALWAYS.contains(&self.alg),
        }
    }

    /// The change of the active key.
    fn handover(&self, policy: &KeyPolicy, now: i64) -> Option<Step> {
        let active = self.find(KeyState::Active);
        let is_due = active.is_none_or(|active| {
            let is_asked = active.until != 0 && active.until <= now;
            is_asked || active.since + policy.rotate_every.whole_seconds() <= now
        });
        let spare = self.find(KeyState::Published).filter(|spare| spare.usable);
        match (spare, active) {
            (Some(spare), _) if self.is_stranded() || (is_due && spare.until <= now) => {
                Some(Step::Activate {
                    kid: spare.kid.clone(),
                    replaces: active.map(|active| active.kid.clone()),
                })
            }
            // The ring is no longer configured: it ends with its last key.
            (None, Some(active)) if is_due && !policy.algorithms.contains(&self.alg) => {
                Some(Step::Retire(active.kid.clone()))
            }
            _ => None,
        }
    }

    /// The spare: make it, publish it, or destroy a damaged one.
    fn spare(&self, policy: &KeyPolicy) -> Option<Step> {
        let (pending, published) = (self.find(KeyState::Pending), self.find(KeyState::Published));
        match (pending, published) {
            (_, Some(damaged)) | (Some(damaged), None) if !damaged.usable => Some(destroy(damaged)),
            _ if !policy.algorithms.contains(&self.alg) => None,
            (Some(pending), None) => Some(Step::Publish(pending.kid.clone())),
            (None, None) => Some(Step::Make(self.alg)),
            (_, Some(_)) => None,
        }
    }

    /// The keys that leave the public set, or are destroyed.
    fn removals(&self, policy: &KeyPolicy, now: i64) -> Vec<Step> {
        let remove = |key: &&Record| match key.state {
            KeyState::Retiring if key.until <= now => Some(Step::Retain(key.kid.clone())),
            KeyState::Retained if key.since + policy.retain.whole_seconds() <= now => Some(destroy(key)),
            _ => None,
        };
        self.keys.iter().filter_map(remove).collect()
    }
}

/// Tells whether a key is dated further ahead than clocks may differ.
pub fn is_ahead(key: &Record, policy: &KeyPolicy, now: i64) -> bool {
    key.since - now > policy.skew.max(AHEAD).whole_seconds()
}

fn date(key: &Record) -> Step {
    Step::Date { kid: key.kid.clone(), state: key.state }
}

fn destroy(key: &Record) -> Step {
    Step::Destroy { kid: key.kid.clone(), from: key.state }
}

/// The records of stored keys, for display: rows with an unknown algorithm or state are left out, and private keys
/// are not opened to see whether they are damaged.
pub fn records(stored: &[StoredKey]) -> Vec<Record> {
    let record = |key: &StoredKey| {
        let (alg, state) = SigningAlg::from_name(&key.alg).zip(KeyState::from_name(&key.state))?;
        let (kid, since, until) = (key.kid.clone(), key.since, key.until);
        Some(Record { kid, alg, state, since, until, usable: true })
    };
    stored.iter().filter_map(record).collect()
}

/// When the active key of a ring will be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// The ring.
    pub alg: SigningAlg,
    /// The active key.
    pub kid: String,
    /// Since when it signs, in seconds since the epoch.
    pub since: i64,
    /// When the next key takes over, in seconds since the epoch; an estimate while there is no spare.
    pub next: i64,
    /// Whether the next key is public already.
    pub has_spare: bool,
}

/// Each ring that signs: how old its active key is, and when the next one takes over.
pub fn outlook(keys: &[Record], policy: &KeyPolicy) -> Vec<Outlook> {
    let of = |alg| {
        let ring = Ring::of(keys, alg);
        let active = ring.find(KeyState::Active)?;
        let spare = ring.find(KeyState::Published).filter(|spare| spare.usable);
        let wanted = match active.until {
            0 => active.since + policy.rotate_every.whole_seconds(),
            asked => asked,
        };
        let next = wanted.max(spare.map_or(0, |spare| spare.until));
        Some(Outlook { alg, kid: active.kid.clone(), since: active.since, next, has_spare: spare.is_some() })
    };
    SigningAlg::ALL.into_iter().filter_map(of).collect()
}
