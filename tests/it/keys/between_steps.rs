//! Killed between any two steps: every step is one transaction, so a node that dies leaves the keys as they
//! are after one of them. From a copy of each of these places nodes with other clocks go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use countersign::db::{Db, DbError, Url};
use countersign::keys::fingerprint::{FACT, instance_keys_for};
use countersign::keys::instance::Source;
use countersign::keys::jose::{KeyPair, thumbprint};
use countersign::keys::key_set::Keys;
use countersign::keys::operator::{self, find};
use countersign::keys::plan::{Step, plan};
use countersign::keys::policy::{KeyPolicy, KeySettings};
use countersign::keys::step;
use countersign::keys::stored_key::seal_pair;
use countersign::protocol::client::SigningAlg::{self, ES256, RS256};
use countersign::protocol::lifetimes::Lifetimes;
use countersign::store::facts;
use countersign::store::signing_keys::{self, KeyState, StoredKey};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::{given, key_text};
use crate::store::{Store, open, postgres_place, sqlite_place, store};
use crate::support::TEST;
use crate::support::postgres;

const BEGIN: i64 = 1_900_000_000;

fn policy() -> KeyPolicy {
    let settings = "jwks_max_age = 60\npublish_before = 150\npublish_after = 700\nrotate_every = 1500\nretain = 400\nskew = 120";
    let settings: KeySettings = toml::from_str(settings).unwrap();
    KeyPolicy::new(settings, Lifetimes::default().longest_token()).unwrap()
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

fn rows(db: &Db) -> Vec<StoredKey> {
    db.read_now(signing_keys::list_all).unwrap()
}

/// Keys that were made beforehand, so that no life waits for them.
struct Made(Vec<(SigningAlg, KeyPair)>);

impl Made {
    fn new() -> Made {
        let make = |alg| (alg, KeyPair::generate(alg, 2048).unwrap());
        Made(SigningAlg::ALWAYS.into_iter().flat_map(|alg| (0..7).map(move |_| make(alg))).collect())
    }

    /// One that this database has not seen.
    fn fresh(&self, db: &Db, alg: SigningAlg, state: KeyState, keys: &Keys, now: i64) -> StoredKey {
        let known: BTreeSet<String> = rows(db).into_iter().map(|key| key.kid).collect();
        let mut made = self.0.iter().filter(|(of, _)| *of == alg);
        let unseen = made.find(|(_, pair)| !known.contains(&thumbprint(&pair.public_jwk)));
        seal_pair(alg, &unseen.expect("enough keys").1, state, &keys.instance, at(now))
    }
}

/// Takes the first step that is due, as every node does; none when nothing is.
fn step(db: &Db, keys: &Keys, made: &Made, now: i64) -> Option<&'static str> {
    keys.refresh(db).unwrap();
    let snapshot = keys.snapshot.load_full();
    let step = plan(&snapshot.records, &snapshot.policy, at(now)).into_iter().next()?;
    let taken = match &step {
        Step::Make(alg) => {
            let key = made.fresh(db, *alg, KeyState::Pending, keys, now);
            db.write_now(|conn| step::store_spare(conn, &key, &snapshot.policy, at(now)))
        }
        step => db.write_now(|conn| step::take(conn, step, &snapshot.policy, at(now))),
    };
    assert!(taken.unwrap(), "nobody else takes {step}");
    Some(match step {
        Step::Make(_) => "made",
        Step::Publish(_) => "published",
        Step::Activate { .. } => "activated",
        Step::Retire(_) => "retired",
        Step::Retain(_) => "retained",
        Step::Date { .. } => "dated",
        Step::Destroy { .. } => "destroyed",
    })
}

/// A life that sees every kind of step, and everything that people can do, one transaction at a time.
struct Life<'a> {
    source: &'a Source,
    made: &'a Made,
    keys: Option<Keys>,
    now: i64,
    by_hand: Vec<&'static str>,
    seen: Vec<&'static str>,
}

impl<'a> Life<'a> {
    fn new(source: &'a Source, made: &'a Made) -> Life<'a> {
        let by_hand = vec!["revoked a spare", "revoked", "imported", "switched at once", "asked to rotate"];
        Life { source, made, keys: None, now: BEGIN, by_hand, seen: vec![] }
    }

    /// The next transaction; false when the life is over.
    fn go_on(&mut self, db: &Db) -> bool {
        if db.read_now(|conn| facts::get(conn, FACT)).unwrap().is_none() {
            instance_keys_for(db, self.source).unwrap();
            self.seen.push("sealed");
            return true;
        }
        let Some(keys) = &self.keys else {
            self.keys = Some(Keys::open(db, self.source, &policy(), at(self.now)).unwrap());
            self.seen.push("opened");
            return true;
        };
        if let Some(step) = step(db, keys, self.made, self.now) {
            self.seen.push(step);
            return true;
        }
        // What people do comes when both rings have seen all that happens by itself.
        if self.seen.iter().filter(|step| **step == "destroyed").count() < 2 {
            let snapshot = keys.snapshot.load_full();
            while plan(&snapshot.records, &snapshot.policy, at(self.now)).is_empty() {
                self.now += 10;
            }
            return self.go_on(db);
        }
        let Some(what) = self.by_hand.pop() else { return false };
        self.by_hand(db, keys, what).unwrap();
        self.seen.push(what);
        true
    }

    fn by_hand(&self, db: &Db, keys: &Keys, what: &str) -> Result<(), DbError> {
        let (stored, now, policy) = (rows(db), at(self.now), policy());
        let fresh = |alg, state| self.made.fresh(db, alg, state, keys, self.now);
        db.write_now(|conn| {
            let named = |alg, state| find(&stored, alg, state).cloned().unwrap();
            match what {
                "asked to rotate" => assert!(signing_keys::ask_to_rotate(conn, ES256, TEST, now)?),
                "switched at once" => {
                    let stolen = named(ES256, KeyState::Active);
                    operator::revoke(conn, &stolen, None, &policy, TEST, now)?.unwrap();
                }
                "imported" => {
                    operator::import(conn, &fresh(RS256, KeyState::Active), &policy, TEST, now).unwrap();
                }
                "revoked" => {
                    let stolen = named(RS256, KeyState::Active);
                    operator::revoke(conn, &stolen, None, &policy, TEST, now)?.unwrap();
                }
                _ => {
                    let spare = named(ES256, KeyState::Published);
                    assert_eq!(operator::revoke(conn, &spare, None, &policy, TEST, now)?, None);
                }
            }
            Ok(())
        })
    }
}

/// What must hold whenever anybody looks, and between two looks.
fn check(db: &Db, keys: &Keys, before: &mut BTreeMap<String, StoredKey>) {
    keys.refresh(db).unwrap();
    let (stored, snapshot) = (rows(db), keys.snapshot.load_full());
    let served: Value = serde_json::from_slice(&snapshot.jwks.bytes).unwrap();
    let served = served["keys"].as_array().unwrap();
    for alg in SigningAlg::ALWAYS {
        let count =
            |state: &str| stored.iter().filter(|key| key.alg == alg.name() && key.state == state).count();
        assert_eq!((count("active"), count("published") + count("pending") <= 1), (1, true), "{stored:?}");
        let active = find(&stored, alg, KeyState::Active).unwrap();
        assert!(served.iter().any(|key| key["kid"] == json!(active.kid)), "{served:?}");
    }
    assert!(snapshot.unusable.is_empty() && SigningAlg::ALWAYS.iter().all(|alg| snapshot.signs(*alg)));
    for key in &stored {
        let private = matches!(key.state.as_str(), "pending" | "published" | "active");
        assert_eq!(key.private_sealed.is_some(), private, "{key:?}");
        let wait = policy().publish_before + policy().skew;
        assert!(key.state != "published" || key.until - key.since > wait.whole_seconds(), "{key:?}");
        match before.get(&key.kid) {
            Some(old) if key.state == "active" && old.state != "active" => {
                assert!(old.state == "published" && old.until <= key.since, "{old:?} {key:?}");
            }
            _ => (),
        }
    }
    *before = stored.into_iter().map(|key| (key.kid.clone(), key)).collect();
}

/// Starts nodes whose clocks are a minute apart, lets them step in turns, and sees that the keys go on.
fn others_go_on(db: &Db, source: &Source, made: &Made, died: i64, turn: usize) {
    let mut offs = [-30, 30];
    offs.rotate_left(turn % 2);
    let mut before = rows(db).into_iter().map(|key| (key.kid.clone(), key)).collect();
    let nodes = offs.map(|off| {
        let keys = Keys::open(db, source, &policy(), at(died + off)).unwrap();
        check(db, &keys, &mut before);
        (off, keys)
    });
    let first: Vec<String> = SigningAlg::ALWAYS.map(|alg| signer(db, alg)).to_vec();
    // A rotation, and some more: whatever was held when the node died is over.
    for now in (died..=died + 2000).step_by(250) {
        loop {
            let mut idle = true;
            for (off, keys) in &nodes {
                idle &= step(db, keys, made, now + off).is_none();
                check(db, keys, &mut before);
            }
            if idle {
                break;
            }
        }
    }
    for (at, alg) in SigningAlg::ALWAYS.into_iter().enumerate() {
        assert_ne!(signer(db, alg), first[at], "{} rotates", alg.name());
        assert!(find(&rows(db), alg, KeyState::Published).is_some());
    }
    let snapshots = nodes.each_ref().map(|(_, keys)| {
        keys.refresh(db).unwrap();
        keys.snapshot.load_full()
    });
    for alg in SigningAlg::ALWAYS {
        let token = snapshots[turn % 2].sign(alg, "JWT", &json!({})).unwrap();
        assert!(snapshots.iter().all(|snapshot| snapshot.verify::<Value>(&token).is_ok()));
    }
    assert!(snapshots.iter().all(|snapshot| snapshot.jwks.etag == snapshots[0].jwks.etag));
}

fn signer(db: &Db, alg: SigningAlg) -> String {
    find(&rows(db), alg, KeyState::Active).unwrap().kid.clone()
}

/// What a node leaves behind that dies now, for others to go on with.
fn left_at(url: &Url) -> Store {
    store(match url {
        Url::Postgres(url) => (Url::parse(&postgres::copy(url)).unwrap(), None),
        Url::Sqlite(file) => {
            let folder = tempfile::tempdir().unwrap();
            for part in file.parent().unwrap().read_dir().unwrap().map(Result::unwrap) {
                std::fs::copy(part.path(), folder.path().join(part.file_name())).unwrap();
            }
            (Url::Sqlite(folder.path().join(file.file_name().unwrap())), Some(folder))
        }
    })
}

fn wherever_it_ends((url, _folder): (Url, Option<TempDir>)) {
    static MADE: LazyLock<Made> = LazyLock::new(Made::new);
    let source = given(&key_text());
    let mut life = Life::new(&source, &MADE);
    drop(open(&url).unwrap());
    for turn in 0.. {
        println!("ends after {:?}", life.seen);
        others_go_on(&left_at(&url).db, &source, &MADE, life.now, turn);
        if !life.go_on(&open(&url).unwrap()) {
            let kinds: BTreeSet<&str> = life.seen.into_iter().collect();
            assert_eq!(kinds.len(), 2 + 5 + 5, "{kinds:?}");
            return;
        }
    }
}

#[test]
fn whichever_step_was_its_last_the_others_go_on() {
    wherever_it_ends(sqlite_place());
}

#[test]
fn whichever_step_was_its_last_the_others_go_on_with_postgres() {
    wherever_it_ends(postgres_place());
}
