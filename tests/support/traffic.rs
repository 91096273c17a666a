//! What people and services do all day, many at once, and what becomes of each request.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::rt::task::JoinHandle;
use tokio::time::sleep;

use self::visitor::{Addresses, Visitor};
use super::cluster::Cluster;

mod visitor; // one of them

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Good,
    /// 503, told as it has to be, with the time after which to try again.
    Unavailable,
    /// Somebody who had signed in is asked to sign in again.
    SignedOut,
    /// Anything else: what exactly.
    Unexpected(String),
}

/// One request.
#[derive(Clone, Debug)]
pub struct Seen {
    pub what: &'static str,
    pub begun: Instant,
    pub ended: Instant,
    pub outcome: Outcome,
}

/// What has been seen so far.
#[derive(Clone, Debug, Default)]
pub struct Tally(pub Vec<Seen>);

/// Traffic that goes on until it is ended.
pub struct Traffic {
    tally: Rc<RefCell<Tally>>,
    over: Rc<Cell<bool>>,
    everybody: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// Sends this many people on their way, and a service that reads the public documents.
    pub fn start(cluster: &Cluster, people: usize) -> Traffic {
        let (tally, over) = (Rc::default(), Rc::default());
        let one = |number: usize| Visitor {
            browser: cluster.browser(),
            login: format!("ada-{number}"),
            addresses: Addresses::of(cluster),
            tally: Rc::clone(&tally),
            over: Rc::clone(&over),
        };
        let mut everybody = vec![];
        for number in 0..people {
            let visitor = one(number);
            everybody.push(actix_web::rt::spawn(async move { visitor.come_and_go().await }));
        }
        let service = one(0);
        everybody.push(actix_web::rt::spawn(async move { service.read_documents().await }));
        Traffic { tally, over, everybody }
    }

    /// What has been seen so far.
    pub fn so_far(&self) -> Tally {
        self.tally.borrow().clone()
    }

    /// Waits until this many more of a kind went well.
    pub async fn until(&self, more: usize, what: &str) {
        let good =
            || self.tally.borrow().0.iter().filter(|s| s.what == what && s.outcome == Outcome::Good).count();
        let (begun, before) = (Instant::now(), good());
        while good() < before + more {
            let tally = self.so_far();
            assert!(begun.elapsed() < Duration::from_secs(30), "{what} does not happen: {tally:#?}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets everybody finish what they are at, and answers all that was seen.
    pub async fn end(self) -> Tally {
        self.over.set(true);
        for one in self.everybody {
            one.await.unwrap();
        }
        self.tally.take()
    }
}

impl Tally {
    /// Those that were under way at any time between two instants.
    pub fn during(&self, from: Instant, to: Instant) -> Tally {
        Tally(self.0.iter().filter(|seen| seen.ended >= from && seen.begun <= to).cloned().collect())
    }

    /// Those that began after an instant.
    pub fn after(&self, from: Instant) -> Tally {
        Tally(self.0.iter().filter(|seen| seen.begun >= from).cloned().collect())
    }

    /// How many of a kind ended so.
    pub fn count(&self, what: &str, outcome: &Outcome) -> usize {
        self.0.iter().filter(|seen| seen.what == what && seen.outcome == *outcome).count()
    }

    /// All that did not go well.
    pub fn troubles(&self) -> Vec<&Seen> {
        self.0.iter().filter(|seen| seen.outcome != Outcome::Good).collect()
    }

    /// Insists that nothing else happened than this.
    #[track_caller]
    pub fn assert_only(&self, allowed: &[Outcome]) {
        let others =
            self.0.iter().filter(|seen| seen.outcome != Outcome::Good && !allowed.contains(&seen.outcome));
        let others: Vec<&Seen> = others.collect();
        assert!(others.is_empty(), "{} of {}: {others:#?}", others.len(), self.0.len());
    }

    /// How many of each kind ended how, in few words.
    pub fn summary(&self) -> BTreeMap<(&'static str, &'static str), usize> {
        let mut counts = BTreeMap::new();
        for seen in &self.0 {
            let outcome = match seen.outcome {
                Outcome::Good => "good",
                Outcome::Unavailable => "unavailable",
                Outcome::SignedOut => "signed out",
                Outcome::Unexpected(_) => "unexpected",
            };
            *counts.entry((seen.what, outcome)).or_default() += 1;
        }
        counts
    }
}
