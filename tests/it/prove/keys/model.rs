//! Many nodes, with clocks apart, that die between any two steps, lose the database and change their
//! policy: whoever holds a key set for as long as it was told can check every token.

use std::collections::BTreeMap;

use countersign::db::{Db, Durability, Url};
use countersign::keys::plan::{Record, Step, plan, records};
use countersign::keys::policy::KeyPolicy;
use countersign::keys::promise::{self, Promise};
use countersign::keys::step;
use countersign::protocol::client::SigningAlg;
use countersign::store::MIGRATIONS;
use countersign::store::signing_keys::{self, KeyState, StoredKey};
use proptest::prelude::*;
use time::{Duration, OffsetDateTime};

use crate::support::TEST;

const BEGIN: i64 = 1_900_000_000;
const NODES: usize = 3;

/// What may happen next.
#[derive(Clone, Debug)]
enum Event {
    Wait(i64),
    /// The node sees the database.
    Look(usize),
    /// It plans from what it saw last.
    Plan(usize),
    /// It takes the step it planned first, however long ago.
    Take(usize),
    /// A node that is well: it looks, plans and takes every step, until nothing is due.
    Turn(usize),
    /// It starts, or dies and starts again, with one of two policies.
    Start(usize, usize),
    Die(usize),
    /// Somebody asks for a rotation.
    Ask,
}

#[derive(Default)]
struct Node {
    /// How far its clock is off.
    off: i64,
    policy: Option<KeyPolicy>,
    /// What it saw last, and when.
    seen: Option<(Vec<Record>, Promise, i64)>,
    planned: Vec<Step>,
}

/// A key set that somebody may hold from one instant to another.
struct Held {
    kids: Vec<String>,
    from: i64,
    until: i64,
}

/// A token, by its key and its life.
struct Signed {
    kid: String,
    from: i64,
    until: i64,
}

struct World {
    db: Db,
    _folder: tempfile::TempDir,
    now: i64,
    nodes: Vec<Node>,
    policies: [KeyPolicy; 2],
    held: Vec<Held>,
    signed: Vec<Signed>,
    made: usize,
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

impl World {
    fn new(policies: [KeyPolicy; 2], offs: [i64; NODES]) -> World {
        let folder = tempfile::tempdir().unwrap();
        let url = Url::Sqlite(folder.path().join("world.db"));
        let db = Db::open(&url, Durability::Process, MIGRATIONS).unwrap();
        let nodes = offs.into_iter().map(|off| Node { off, ..Node::default() }).collect();
        let mut world =
            World { db, _folder: folder, now: BEGIN, nodes, policies, held: vec![], signed: vec![], made: 0 };
        for alg in SigningAlg::ALWAYS {
            let first = world.key(alg, KeyState::Active, BEGIN);
            world.db.write_now(|conn| signing_keys::insert(conn, &first, at(BEGIN))).unwrap();
        }
        for node in 0..NODES {
            world.start(node, 0);
        }
        world
    }

    fn key(&mut self, alg: SigningAlg, state: KeyState, now: i64) -> StoredKey {
        self.made += 1;
        StoredKey {
            kid: format!("{} {}", alg.name(), self.made),
            alg: alg.name().into(),
            state: state.name().into(),
            public_jwk: "{}".into(),
            private_sealed: Some(vec![1]),
            created_at: now,
            since: now,
            until: 0,
        }
    }

    fn start(&mut self, node: usize, policy: usize) {
        let policy = self.policies[policy].clone();
        let now = at(self.now + self.nodes[node].off);
        self.db.write_now(|conn| promise::begin(conn, &policy, now)).unwrap();
        self.nodes[node] = Node { off: self.nodes[node].off, policy: Some(policy), ..Node::default() };
        self.look(node);
    }

    fn look(&mut self, node: usize) {
        let Some(policy) = &self.nodes[node].policy else { return };
        let read = self.db.read_now(|conn| Ok((signing_keys::list(conn)?, promise::read(conn, policy)?)));
        let (keys, promise) = read.unwrap();
        self.nodes[node].seen = Some((records(&keys), promise, self.now));
    }

    fn plan(&mut self, node: usize) {
        let now = at(self.now + self.nodes[node].off);
        let Node { policy: Some(policy), seen: Some((keys, _, _)), .. } = &self.nodes[node] else { return };
        self.nodes[node].planned = plan(keys, policy, now);
    }

    fn take(&mut self, node: usize) {
        if self.nodes[node].planned.is_empty() {
            return;
        }
        let (step, now) = (self.nodes[node].planned.remove(0), self.now + self.nodes[node].off);
        let policy = self.nodes[node].policy.clone().unwrap();
        let taken = if let Step::Make(alg) = step {
            let key = self.key(alg, KeyState::Pending, now);
            self.db.write_now(|conn| step::store_spare(conn, &key, &policy, at(now)))
        } else {
            self.db.write_now(|conn| step::take(conn, &step, &policy, at(now)))
        };
        match taken {
            Err(error) if step::was_overtaken(&error) => (),
            taken => drop(taken.unwrap()),
        }
        self.check_rows();
    }

    fn turn(&mut self, node: usize) {
        for _ in 0..4 {
            self.look(node);
            self.plan(node);
            while !self.nodes[node].planned.is_empty() {
                self.take(node);
            }
        }
        self.look(node);
    }

    /// Every node answers who asks for the set, and signs with every ring it can sign with.
    fn serve(&mut self) {
        for node in &self.nodes {
            let Node { policy: Some(policy), seen: Some((keys, promise, when)), .. } = node else { continue };
            let age = Duration::seconds(self.now - when);
            let public = keys.iter().filter(|key| key.state.is_public());
            let kids: Vec<String> = public.map(|key| key.kid.clone()).collect();
            for alg in SigningAlg::ALWAYS {
                assert!(
                    keys.iter().any(|key| key.alg == alg && key.state.is_public()),
                    "a set without {alg:?}"
                );
            }
            if let Some(max_age) = promise.max_age(policy, age) {
                // Through one shared cache: held for twice as long as was said.
                let until = self.now + 2 * max_age.whole_seconds();
                self.held.push(Held { kids, from: self.now, until });
            }
            if promise.may_sign(policy, age) {
                for key in keys.iter().filter(|key| key.state == KeyState::Active) {
                    let until = self.now + policy.longest_token.whole_seconds();
                    self.signed.push(Signed { kid: key.kid.clone(), from: self.now, until });
                }
            }
        }
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Wait(seconds) => self.now += seconds,
            Event::Look(node) => self.look(*node),
            Event::Plan(node) => self.plan(*node),
            Event::Take(node) => self.take(*node),
            Event::Turn(node) => self.turn(*node),
            Event::Start(node, policy) => self.start(*node, *policy),
            Event::Die(node) => {
                self.nodes[*node] = Node { off: self.nodes[*node].off, ..Node::default() };
            }
            Event::Ask => {
                let ask =
                    |conn: &mut _| signing_keys::ask_to_rotate(conn, SigningAlg::ES256, TEST, at(self.now));
                self.db.write_now(ask).unwrap();
            }
        }
        self.serve();
    }

    fn check_rows(&self) {
        let keys = self.db.read_now(signing_keys::list_all).unwrap();
        let mut count = BTreeMap::new();
        for key in &keys {
            let state = KeyState::from_name(&key.state).unwrap();
            *count.entry((key.alg.clone(), state)).or_insert(0) += 1;
            let needs_private = matches!(state, KeyState::Pending | KeyState::Published | KeyState::Active);
            assert_eq!(key.private_sealed.is_some(), needs_private, "{key:?}");
        }
        for alg in SigningAlg::ALWAYS {
            let count = |state| count.get(&(alg.name().to_owned(), state)).copied().unwrap_or(0);
            assert_eq!(count(KeyState::Active), 1, "{keys:?}");
            assert!(count(KeyState::Published) + count(KeyState::Pending) <= 1, "{keys:?}");
        }
    }

    /// Whoever holds a set, for as long as it was told, at any time while a token is valid, finds its key.
    fn check_verifiers(&self) {
        for token in &self.signed {
            for set in &self.held {
                let meet = set.from.max(token.from) < set.until.min(token.until);
                assert!(
                    !meet || set.kids.contains(&token.kid),
                    "{} signed at {}, valid until {}; a set without it was handed out at {} and held until {}",
                    token.kid,
                    token.from - BEGIN,
                    token.until - BEGIN,
                    set.from - BEGIN,
                    set.until - BEGIN
                );
            }
        }
    }

    /// With everybody well, every ring gets where it should be.
    fn check_end(&mut self) {
        let policy = self.policies[0].clone();
        for node in 0..NODES {
            self.start(node, 0);
        }
        let longest = |policy: &KeyPolicy| policy.publish_before + policy.skew + policy.rotate_every;
        self.now += self.policies.iter().map(longest).sum::<Duration>().whole_seconds();
        let before: Vec<String> = self.active();
        for _ in 0..2 {
            for node in 0..NODES {
                self.turn(node);
            }
            self.now += longest(&policy).whole_seconds();
        }
        let after = self.active();
        assert!(before.iter().all(|kid| !after.contains(kid)), "{before:?} {after:?}");
    }

    fn active(&self) -> Vec<String> {
        let keys = self.db.read_now(signing_keys::list).unwrap();
        keys.into_iter().filter(|key| key.state == "active").map(|key| key.kid).collect()
    }
}

/// The old policy's promise outlives the policy: a set that was handed out with a long `max-age` is held for
/// that long, whatever the nodes are told to promise from now on.
#[test]
fn a_shorter_policy_keeps_what_the_longer_one_promised() {
    let long = crate::keys::policy();
    let seconds = Duration::seconds;
    let short = KeyPolicy {
        jwks_max_age: seconds(2),
        publish_before: seconds(5),
        publish_after: seconds(40),
        longest_token: seconds(30),
        rotate_every: seconds(20),
        skew: seconds(1),
        ..long.clone()
    };
    for (before, after, spare_is_old) in
        [(long.clone(), short.clone(), false), (long.clone(), short.clone(), true), (short, long, true)]
    {
        let mut world = World::new([before, after], [0; NODES]);
        if spare_is_old {
            world.turn(0);
            world.now += 100_000;
            (0..NODES).for_each(|node| world.look(node));
        }
        let turns = |world: &mut World, nodes: std::ops::Range<usize>, wait: i64| {
            for _ in 0..40 {
                world.happen(&Event::Ask);
                nodes.clone().for_each(|node| world.happen(&Event::Turn(node)));
                world.happen(&Event::Wait(wait));
            }
        };
        world.serve();
        // One by one, as a deployment does; the last one has lost its database and knows nothing of it.
        world.happen(&Event::Start(0, 1));
        turns(&mut world, 0..1, 7);
        world.happen(&Event::Start(1, 1));
        turns(&mut world, 0..2, 60);
        turns(&mut world, 0..3, 4000);
        world.check_verifiers();
        let retired = world.db.read_now(signing_keys::list_all).unwrap().len();
        assert!(retired > 5, "there were rotations: {retired}");
    }
}

prop_compose! {
    fn any_policy()(
        max_age in 1..900_i64,
        (before, after, every) in (0..2000_i64, 0..2000_i64, 0..4000_i64),
        skew in 0..300_i64,
        token in 30..900_i64,
    ) -> KeyPolicy {
        let seconds = Duration::seconds;
        let missed = 17;
        KeyPolicy {
            algorithms: SigningAlg::ALWAYS.to_vec(),
            rsa_bits: 2048,
            jwks_max_age: seconds(max_age),
            publish_before: seconds(2 * max_age + missed + before),
            publish_after: seconds(token + max_age + missed + after),
            rotate_every: seconds(2 * max_age + missed + before + skew + every),
            retain: seconds(5000),
            skew: seconds(skew),
            longest_token: seconds(token),
        }
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let node = || 0..NODES;
    prop_oneof![
        6 => (1..40_i64).prop_map(Event::Wait),
        4 => (1..3000_i64).prop_map(Event::Wait),
        6 => node().prop_map(Event::Look),
        6 => node().prop_map(Event::Plan),
        10 => node().prop_map(Event::Take),
        10 => node().prop_map(Event::Turn),
        2 => (node(), 0..2_usize).prop_map(|(node, policy)| Event::Start(node, policy)),
        1 => node().prop_map(Event::Die),
        2 => Just(Event::Ask),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn whoever_caches_as_told_can_check_every_token(
        policies in [any_policy(), any_policy()],
        offs in [-100..=100_i64, -100..=100_i64, -100..=100_i64],
        events in prop::collection::vec(any_event(), 60..180),
    ) {
        // Clocks are as far apart as both policies allow for, and no further.
        let skew = policies.iter().map(|policy| policy.skew.whole_seconds()).min().unwrap();
        let offs = offs.map(|off| off * skew / 200);
        let mut world = World::new(policies, offs);
        for event in &events {
            world.happen(event);
        }
        world.check_verifiers();
        world.check_end();
    }
}
