//! Limits on guessing passwords. Every attempt is counted before its password is looked at, so that many
//! at once do not slip through, and a success is taken back: what remains are the failures.
//!
//! Spec: OWASP ASVS 6.3.1

use std::fmt;

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::{Hits, Key, Kv};
use crate::protocol::addresses::fold_address;
use crate::protocol::user::fold_login;
use crate::secret::{base64url, sha256};

/// The drawer of counters.
#[derive(Clone)]
pub struct Throttle {
    kv: Kv,
}

/// One of the counters of failed attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Failures from one network, whatever the name.
    Network,
    /// Failures for one account from one network.
    AccountAndNetwork,
    /// Failures for one account in browsers that do not know it.
    Account,
    /// Failures in a browser where the account has signed in before.
    Device,
}

impl Counter {
    /// Within how long failures are counted together, and how many there may be.
    fn limit(self) -> (Duration, u64) {
        match self {
            Counter::Network => (Duration::hours(1), 100),
            Counter::AccountAndNetwork => (Duration::minutes(1), 5),
            Counter::Account => (Duration::hours(1), 50),
            Counter::Device => (Duration::hours(1), 10),
        }
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Counter::Network => "network",
            Counter::AccountAndNetwork => "account and network",
            Counter::Account => "account",
            Counter::Device => "device",
        })
    }
}

/// An attempt to sign in, as it is counted.
pub struct Attempt {
    /// The forms of the name whose failures are counted, as digests: the typed one first.
    names: Vec<String>,
    /// What the share of the network's count is filed under: the account, or the typed form of none.
    account: String,
    network: String,
    device: Option<String>,
}

/// An attempt that was counted.
pub struct Counted {
    attempt: Attempt,
    /// Where, and until when each count stands.
    taken: Vec<Taken>,
    /// What the network had counted with this attempt; none where it was not asked.
    network: Option<Hits>,
}

/// One count of an attempt.
struct Taken {
    counter: Counter,
    key: Key,
    resets: OffsetDateTime,
}

/// An attempt that was one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnedAway {
    /// The counter that is over its limit.
    pub counter: Counter,
    /// When it starts again.
    pub until: OffsetDateTime,
}

impl Attempt {
    /// `login` is the login name of the account that the typed text resolves to, if it resolves. The typed form is
    /// counted in any case, so that two spellings of one address are one counter whether an account has it or not; the
    /// account is counted as well. An address without an account has a second counter too: the cost of an attempt
    /// does not tell whether the address is known.
    ///
    /// `known_device` names the browser if this account has signed in in it before. It then answers to a counter
    /// of its own and to no other, so that neither failures elsewhere nor a neighbour's lock the person out.
    pub fn new(typed: &str, login: Option<&str>, network: &str, known_device: Option<&str>) -> Attempt {
        let form = |name: &str| fold_address(name).unwrap_or_else(|| fold_login(name));
        let first = form(typed);
        let account = login.map_or_else(|| first.clone(), form);
        let second = if account == first {
            fold_address(typed).map(|address| format!("address {address}"))
        } else {
            Some(account.clone())
        };
        let names = [Some(first), second].into_iter().flatten().map(|name| digest(&name)).collect();
        let (account, device) = (digest(&account), known_device.map(digest));
        Attempt { names, account, network: network.to_owned(), device }
    }

    /// Where a counter of this attempt is kept; `name` is one of its names.
    fn key(&self, counter: Counter, name: &str) -> Key {
        let Attempt { account, network, device, .. } = self;
        let name = match counter {
            Counter::Network => format!("n:{network}"),
            Counter::AccountAndNetwork => format!("p:{name}:{network}"),
            Counter::Account => format!("a:{name}"),
            Counter::Device => format!("d:{account}:{}", device.as_deref().unwrap_or_default()),
        };
        Key::new('l', &name)
    }

    /// How many of the network's failures are this name's.
    fn share(&self) -> Key {
        Key::new('l', &format!("s:{}:{}", self.account, self.network))
    }
}

impl Throttle {
    pub(super) fn new(kv: Kv) -> Throttle {
        Throttle { kv }
    }

    /// Counts an attempt; says what turned it away if it is one too many. Such a one is not counted: nobody
    /// looked at its password, so it was no failure.
    pub async fn admit(
        &self,
        attempt: Attempt,
        now: OffsetDateTime,
    ) -> Result<Result<Counted, TurnedAway>, StateError> {
        let mut counted = Counted { attempt, taken: vec![], network: None };
        let turned_away = if counted.attempt.device.is_some() {
            self.count(&mut counted, Counter::Device, "", now).await?.err()
        } else {
            self.count_stranger(&mut counted, now).await?.err()
        };
        match turned_away {
            None => Ok(Ok(counted)),
            Some(turned_away) => {
                self.forgive(&counted).await?;
                Ok(Err(turned_away))
            }
        }
    }

    /// Counts an attempt of a browser that the account has not used. The network comes first: a flood of invented
    /// names then leaves no more keys than the network allows names.
    ///
    /// The network counts a name once a minute. It is asked with every attempt all the same and given back the
    /// count of a repetition, because then no number of attempts at once gets past it.
    async fn count_stranger(
        &self,
        counted: &mut Counted,
        now: OffsetDateTime,
    ) -> Result<Result<(), TurnedAway>, StateError> {
        let names = counted.attempt.names.clone();
        let (typed, others) =
            names.split_first().map_or(("", &[][..]), |(typed, others)| (typed.as_str(), others));
        let network = self.count(counted, Counter::Network, "", now).await?;
        if let Err(turned_away) = network {
            let pair = counted.attempt.key(Counter::AccountAndNetwork, typed);
            if self.kv.hits(&pair, now).await?.is_none_or(|pair| pair.count == 0) {
                return Ok(Err(turned_away));
            }
        }
        let pair = match self.count(counted, Counter::AccountAndNetwork, typed, now).await? {
            Ok(pair) => pair,
            Err(turned_away) => return Ok(Err(turned_away)),
        };
        if pair.count > 1 {
            let Taken { key, resets, .. } = counted.taken.remove(0);
            self.kv.unhit(&key, 1, resets).await?;
        } else if let Err(turned_away) = network {
            return Ok(Err(turned_away));
        }
        if let Err(turned_away) = self.count(counted, Counter::Account, typed, now).await? {
            return Ok(Err(turned_away));
        }
        for other in others {
            for counter in [Counter::AccountAndNetwork, Counter::Account] {
                if let Err(turned_away) = self.count(counted, counter, other, now).await? {
                    return Ok(Err(turned_away));
                }
            }
        }
        counted.network = network.ok();
        Ok(Ok(()))
    }

    async fn count(
        &self,
        counted: &mut Counted,
        by: Counter,
        name: &str,
        now: OffsetDateTime,
    ) -> Result<Result<Hits, TurnedAway>, StateError> {
        let (window, most) = by.limit();
        let key = counted.attempt.key(by, name);
        let hits = self.kv.hit(&key, window, now).await?;
        counted.taken.push(Taken { counter: by, key, resets: hits.resets });
        let is_over = hits.count > most;
        Ok(if is_over { Err(TurnedAway { counter: by, until: hits.resets }) } else { Ok(hits) })
    }

    /// Takes a counted attempt back, because its password was not looked at.
    pub async fn forgive(&self, counted: &Counted) -> Result<(), StateError> {
        for Taken { key, resets, .. } in &counted.taken {
            self.kv.unhit(key, 1, *resets).await?;
        }
        Ok(())
    }

    /// Remembers for a failure how much of the network's count is this name's.
    pub async fn failed(&self, counted: &Counted, now: OffsetDateTime) -> Result<(), StateError> {
        for Taken { counter, resets, .. } in &counted.taken {
            if *counter == Counter::Network {
                self.kv.hit(&counted.attempt.share(), *resets - now, now).await?;
            }
        }
        Ok(())
    }

    /// Takes a counted attempt back because it succeeded, and with it what the same name has added to the
    /// network's count: a person who mistypes and then gets in uses up nothing of the neighbours'.
    pub async fn succeeded(&self, counted: &Counted, now: OffsetDateTime) -> Result<(), StateError> {
        self.forgive(counted).await?;
        // Where this attempt was all that the network had counted, there is nothing to be taken back.
        if counted.network.is_some_and(|network| network.count <= 1) {
            return Ok(());
        }
        // In one step: of many successes at once, each taking the same share back would empty the counter.
        if let Some(share) = self.kv.take_hits(&counted.attempt.share(), now).await? {
            self.kv.unhit(&counted.attempt.key(Counter::Network, ""), share.count, share.resets).await?;
        }
        Ok(())
    }
}

/// A short name for a text of any length and content.
fn digest(text: &str) -> String {
    let mut digest = base64url(&sha256(text.as_bytes()));
    digest.truncate(22);
    digest
}
