//! What happens next to the signing keys: a pure plan. Every node makes it from the same rows and carries
//! it out on condition that nobody was faster, so any number of nodes agree without a leader.

use std::fmt;

use time::OffsetDateTime;

use super::policy::KeyPolicy;
use crate::protocol::client::SigningAlg;
use crate::protocol::instant::AHEAD;
use crate::store::signing_keys::{KeyState, StoredKey};

/// What the plan needs to know of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub kid: String,
    /// Its ring.
    pub alg: SigningAlg,
    /// Where it is in its life.
    pub state: KeyState,
    /// Since when, in seconds since the epoch.
    pub since: i64,
    /// What the state is held for; see [`crate::store::signing_keys::StoredKey::until`].
    pub until: i64,
    /// False when the row is damaged, so that the key cannot do what its state asks of it.
    pub usable: bool,
}

/// One step in the life of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A spare is to be made for a ring.
    Make(SigningAlg),
    /// A pending key enters the public set.
    Publish(String),
    /// A published key begins to sign, and the one that did so far is left to retire.
    Activate {
        /// The key that begins.
        kid: String,
        /// The key that ends.
        replaces: Option<String>,
    },
    /// A key of a ring that is no longer wanted signs no more.
    Retire(String),
    /// A key that has signed for the last time leaves the public set.
    Retain(String),
    /// A key is good for nothing any more.
    Destroy {
        /// The key.
        kid: String,
        /// Where it is now.
        from: KeyState,
    },
    /// A key is dated in the future, by a clock that ran ahead: its state begins now.
    Date {
        /// The key.
        kid: String,
        /// Where it is, and stays.
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

/// Plans the steps that are due. Planning again after they were taken gives those that follow, and none
/// when nothing is due: a step that is taken twice, or late, or not at all, changes nothing but the time.
///
/// A key that is dated further ahead than clocks may differ would sign, or stay public, until its date has come and its
/// span is over. It is dated anew before anything else happens in its ring.
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
        steps.extend(ring.farewells(policy, now));
        steps.extend(ring.spare(policy));
    }
    // Making an RSA key takes a while: what takes none comes first.
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

    /// Nobody signs for a ring that must sign: waiting for caches would only prolong that.
    fn is_stranded(&self) -> bool {
        match self.find(KeyState::Active) {
            Some(active) => !active.usable,
            None => SigningAlg::ALWAYS.contains(&self.alg),
        }
    }

    /// Who signs from now on.
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
            // The ring was taken out of the configuration: it ends with its last key.
            (None, Some(active)) if is_due && !policy.algorithms.contains(&self.alg) => {
                Some(Step::Retire(active.kid.clone()))
            }
            _ => None,
        }
    }

    /// Who comes after.
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

    /// Who leaves.
    fn farewells(&self, policy: &KeyPolicy, now: i64) -> Vec<Step> {
        let leave = |key: &&Record| match key.state {
            KeyState::Retiring if key.until <= now => Some(Step::Retain(key.kid.clone())),
            KeyState::Retained if key.since + policy.retain.whole_seconds() <= now => Some(destroy(key)),
            _ => None,
        };
        self.keys.iter().filter_map(leave).collect()
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

/// The records of stored keys, for who only looks at them: what cannot be read is left out, and nothing is
/// opened to find out whether it is damaged.
pub fn records(stored: &[StoredKey]) -> Vec<Record> {
    let record = |key: &StoredKey| {
        let (alg, state) = SigningAlg::from_name(&key.alg).zip(KeyState::from_name(&key.state))?;
        let (kid, since, until) = (key.kid.clone(), key.since, key.until);
        Some(Record { kid, alg, state, since, until, usable: true })
    };
    stored.iter().filter_map(record).collect()
}

/// When something will next happen to the key that signs, and to those beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// The ring.
    pub alg: SigningAlg,
    /// The key that signs.
    pub kid: String,
    /// Since when it signs, in seconds since the epoch.
    pub since: i64,
    /// When the next key takes over, in seconds since the epoch; an estimate while there is no spare.
    pub next: i64,
    /// Whether the next key is public already.
    pub has_spare: bool,
}

/// Tells of each ring that signs how old its key is and when the next one takes over.
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
