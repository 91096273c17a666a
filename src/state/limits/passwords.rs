//! Limits on guessing passwords. Each attempt is counted before its password is compared, so that concurrent attempts
//! cannot exceed a limit. A success is taken back, so that only failures remain counted.
//!
//! Spec: OWASP ASVS 6.3.1

use std::fmt;

use time::{Duration, OffsetDateTime};

use super::{Limit, digest};
use crate::protocol::addresses::fold_address;
use crate::protocol::user::fold_login;
use crate::state::StateError;
use crate::state::kv::{Drawer, Hits, Key, Kv};

/// The drawer of these counters.
#[derive(Clone)]
pub struct PasswordLimits {
    kv: Kv,
}

/// One of the counters of failed attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Failures from one network, for any name.
    Network,
    /// Failures for one account from one network.
    AccountAndNetwork,
    /// Failures for one account in browsers where it has not signed in before.
    Account,
    /// Failures in a browser where the account has signed in before.
    Device,
}

impl Counter {
    fn limit(self) -> Limit {
        match self {
            Counter::Network => Limit { most: 100, window: Duration::hours(1) },
            Counter::AccountAndNetwork => Limit { most: 5, window: Duration::minutes(1) },
            Counter::Account => Limit { most: 50, window: Duration::hours(1) },
            Counter::Device => Limit { most: 10, window: Duration::hours(1) },
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
    /// The account, or the typed form if there is none; names its share of the network's count.
    account: String,
    network: String,
    device: Option<String>,
}

/// An attempt that was counted.
pub struct Counted {
    attempt: Attempt,
    /// The counters that were increased.
    taken: Vec<Taken>,
    /// The network's count, this attempt included; none for a known device.
    network: Option<Hits>,
}

/// A counter that an attempt has increased.
struct Taken {
    counter: Counter,
    key: Key,
    resets: OffsetDateTime,
}

/// An attempt that exceeded a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnedAway {
    /// The counter that is over its limit.
    pub counter: Counter,
    /// The end of its window.
    pub until: OffsetDateTime,
}

impl Attempt {
    /// `login` is the login name of the account that the typed text resolves to, if there is one. The typed form is
    /// always counted, so that two spellings of one address share a counter, with or without an account. The account is
    /// counted as well. An address without an account has a second counter, too, so that the cost of an attempt does not
    /// tell whether the address is known.
    ///
    /// `known_device` names the browser if this account has signed in there before. Only the browser's own counter is
    /// then used, so that failures elsewhere do not lock the person out.
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

    /// The key of a counter of this attempt; `name` is one of its names.
    fn key(&self, counter: Counter, name: &str) -> Key {
        let Attempt { account, network, device, .. } = self;
        let name = match counter {
            Counter::Network => format!("n:{network}"),
            Counter::AccountAndNetwork => format!("p:{name}:{network}"),
            Counter::Account => format!("a:{name}"),
            Counter::Device => format!("d:{account}:{}", device.as_deref().unwrap_or_default()),
        };
        Key::new(Drawer::PasswordLimit, &name)
    }

    /// The key of this name's share of the network's failures.
    fn share(&self) -> Key {
        Key::new(Drawer::PasswordLimit, &format!("s:{}:{}", self.account, self.network))
    }
}

impl Counted {
    /// Removes a counter from those that the attempt has increased.
    fn remove(&mut self, counter: Counter) -> Option<Taken> {
        let at = self.taken.iter().position(|taken| taken.counter == counter)?;
        Some(self.taken.remove(at))
    }
}

impl PasswordLimits {
    pub(in crate::state) fn new(kv: Kv) -> PasswordLimits {
        PasswordLimits { kv }
    }

    /// Counts an attempt, or answers the limit that it exceeds. An attempt that exceeds one is not counted: its password
    /// is not compared, so it is no failure.
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

    /// Counts an attempt in a browser where the account has not signed in before. The network is counted first, so that a
    /// flood of invented names stores no more keys than the network's limit.
    ///
    /// The network counts a name once a minute. It is counted at every attempt all the same, and a repetition is taken
    /// back, so that concurrent attempts cannot exceed the limit.
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
            if let Some(Taken { key, resets, .. }) = counted.remove(Counter::Network) {
                self.kv.unhit(&key, 1, resets).await?;
            }
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
        let (limit, key) = (by.limit(), counted.attempt.key(by, name));
        let hits = limit.count(&self.kv, &key, now).await?;
        counted.taken.push(Taken { counter: by, key, resets: hits.resets });
        let is_over = hits.count > limit.most;
        Ok(if is_over { Err(TurnedAway { counter: by, until: hits.resets }) } else { Ok(hits) })
    }

    /// Takes a counted attempt back, because its password was not compared.
    pub async fn forgive(&self, counted: &Counted) -> Result<(), StateError> {
        for Taken { key, resets, .. } in &counted.taken {
            self.kv.unhit(key, 1, *resets).await?;
        }
        Ok(())
    }

    /// Adds a failure to this name's share of the network's count.
    pub async fn failed(&self, counted: &Counted, now: OffsetDateTime) -> Result<(), StateError> {
        for Taken { counter, resets, .. } in &counted.taken {
            if *counter == Counter::Network {
                self.kv.hit(&counted.attempt.share(), *resets - now, now).await?;
            }
        }
        Ok(())
    }

    /// Takes a counted attempt back because it succeeded, and with it this name's share of the network's count: a person
    /// who mistypes and then signs in uses up nothing of others' limit.
    pub async fn succeeded(&self, counted: &Counted, now: OffsetDateTime) -> Result<(), StateError> {
        self.forgive(counted).await?;
        // There is no share when this attempt was the network's only one.
        if counted.network.is_some_and(|network| network.count <= 1) {
            return Ok(());
        }
        // Atomic, because concurrent successes would otherwise each take the same share back.
        if let Some(share) = self.kv.take_hits(&counted.attempt.share(), now).await? {
            self.kv.unhit(&counted.attempt.key(Counter::Network, ""), share.count, share.resets).await?;
        }
        Ok(())
    }
}
