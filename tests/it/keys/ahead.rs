//! Keys that were made while a clock ran ahead: they sign for as long as any, counted from when the clock is right.

use countersign::clock::Clock;
use countersign::keys::key_set::Keys;
use countersign::keys::plan::{Record, Step, plan};
use countersign::keys::policy::KeySettings;
use countersign::protocol::client::SigningAlg::{ES256, RS256};
use countersign::protocol::lifetimes::Lifetimes;
use countersign::store::signing_keys::{self, KeyState};
use time::{Duration, OffsetDateTime};

use super::{database, given, key_text, policy};

const NOW: i64 = 1_900_000_000;
const YEAR: i64 = 365 * 86_400;

#[test]
fn keys_of_a_clock_that_ran_ahead_are_dated_anew() {
    let (store, clock, policy) = (database(), Clock::default(), policy());
    let db = &store.db;
    clock.advance(Duration::days(365));
    let keys = Keys::open(db, &given(&key_text()), &policy, clock.now()).unwrap();
    keys.rotate(db, &clock).unwrap();
    clock.advance(Duration::days(-365));
    keys.rotate(db, &clock).unwrap();
    let (now, rows) = (clock.now().unix_timestamp(), db.read_now(signing_keys::list).unwrap());
    let (mut active, mut published) = (0, 0);
    for row in rows {
        assert!((now - 60..=now).contains(&row.since), "{row:?} at {now}");
        match KeyState::from_name(&row.state).unwrap() {
            KeyState::Active => active += 1,
            KeyState::Published => {
                published += 1;
                let from = row.until - now;
                let span = (policy.publish_before + policy.skew).whole_seconds();
                assert!((span - 60..=span + 1).contains(&from), "public for its whole span: {row:?}");
            }
            _ => panic!("{row:?}"),
        }
    }
    assert_eq!((active, published), (2, 2));
    // No key signs for longer than the policy says.
    let due = |days| {
        let later = clock.now() + Duration::days(days);
        let steps = plan(&keys.snapshot.load().records, &policy, later);
        steps.iter().filter(|step| matches!(step, Step::Activate { .. })).count()
    };
    assert_eq!((due(89), due(91)), (0, 2));
}

#[test]
fn every_state_is_dated_before_anything_else_happens_in_its_ring() {
    let record = |kid: &str, alg, state, since: i64| Record {
        kid: kid.into(),
        alg,
        state,
        since: NOW + since,
        until: 0,
        usable: true,
    };
    let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
    let calm =
        |alg| [record("a", alg, KeyState::Active, -86_400), record("b", alg, KeyState::Published, -86_400)];
    for state in
        [KeyState::Pending, KeyState::Published, KeyState::Active, KeyState::Retiring, KeyState::Retained]
    {
        let keys: Vec<Record> = calm(RS256).into_iter().chain([record("x", ES256, state, YEAR)]).collect();
        assert_eq!(plan(&keys, &policy(), now), [Step::Date { kid: "x".into(), state }], "{state:?}");
    }
    // As far as clocks may differ.
    let skew = policy().skew.whole_seconds();
    for (ahead, is_dated) in [(skew, false), (skew + 1, true)] {
        let keys: Vec<Record> = calm(RS256).into_iter().chain(calm(ES256)).collect();
        let keys =
            keys.into_iter().map(|key| Record { since: NOW + ahead, until: 0, ..key }).collect::<Vec<_>>();
        let dated =
            plan(&keys, &policy(), now).iter().filter(|step| matches!(step, Step::Date { .. })).count();
        assert_eq!(dated, if is_dated { 4 } else { 0 }, "{ahead}");
    }
}

/// A shorter policy keeps what a longer one promised, but not what a clock that ran ahead makes of it.
#[test]
fn a_promise_of_the_future_holds_no_key_back_for_years() {
    let (store, clock, key) = (database(), Clock::default(), given(&key_text()));
    let db = &store.db;
    let with = |settings: &str| {
        let settings: KeySettings = toml::from_str(settings).unwrap();
        countersign::keys::policy::KeyPolicy::new(settings, Lifetimes::default().longest_token()).unwrap()
    };
    let (long, short) = (with("publish_before = 259200"), with("publish_before = 86400"));
    Keys::open(db, &key, &long, clock.now()).unwrap();
    clock.advance(Duration::days(365));
    Keys::open(db, &key, &short, clock.now()).unwrap();
    clock.advance(Duration::days(-365));
    let keys = Keys::open(db, &key, &short, clock.now()).unwrap();
    keys.rotate(db, &clock).unwrap();
    let now = clock.now().unix_timestamp();
    let rows = db.read_now(signing_keys::list).unwrap();
    for spare in rows.iter().filter(|row| row.state == KeyState::Published.name()) {
        let days = (spare.until - now) / 86_400;
        assert_eq!(days, 3, "the longer span is kept, and no more: {spare:?}");
    }
}
