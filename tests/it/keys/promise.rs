//! The longest lifetime of a token that was ever offered, and what follows from it for keys.

use countersign::db::Db;
use countersign::keys::policy::{KeyPolicy, KeySettings};
use countersign::keys::promise;
use time::{Duration, OffsetDateTime};

use crate::store::{Store, execute, sqlite_place, store};

/// A policy whose keys are public for 4600 seconds after they signed for the last time.
fn policy(longest_token: Duration) -> KeyPolicy {
    let settings: KeySettings = toml::from_str("publish_after = 4600\nskew = 0").unwrap();
    KeyPolicy::new(settings, longest_token).unwrap()
}

fn promised(db: &Db, policy: &KeyPolicy, now: OffsetDateTime) -> (Duration, Duration) {
    let promise = db.read_now(|conn| promise::read(conn, policy)).unwrap();
    let leaves = promise.may_leave_at(policy, now) - now.unix_timestamp() - 1;
    (promise.longest_token(policy), Duration::seconds(leaves))
}

#[test]
fn a_key_is_public_for_as_long_as_the_longest_token_that_was_ever_offered() {
    let (Store { db, _folder, .. }, now) = (store(sqlite_place()), OffsetDateTime::now_utc());
    let (ten, hour, day) = (Duration::minutes(10), Duration::hours(1), Duration::DAY);
    let (usual, longer) = (policy(ten), policy(hour));
    let offer = |lifetime| db.write_now(|conn| promise::offer(conn, &usual, lifetime)).unwrap();
    db.write_now(|conn| promise::begin(conn, &usual, now)).unwrap();
    let publish_after = Duration::seconds(4600);
    assert_eq!(promised(&db, &usual, now), (ten, publish_after));
    offer(Duration::minutes(5));
    assert_eq!(promised(&db, &usual, now), (ten, publish_after), "a shorter one changes nothing");
    offer(hour);
    assert_eq!(promised(&db, &usual, now), (hour, publish_after), "the policy allows for it");
    offer(day);
    let followed = day + Duration::seconds(600 + 16);
    assert_eq!(promised(&db, &usual, now), (day, followed));
    // Taken back, or unknown to the configuration of another node: it was offered all the same.
    offer(ten);
    for policy in [&usual, &longer] {
        db.write_now(|conn| promise::begin(conn, policy, now)).unwrap();
        assert_eq!(promised(&db, policy, now), (day, followed));
    }
    let promise = db.read_now(|conn| promise::read(conn, &usual)).unwrap();
    assert!(promise.may_sign(&usual, Duration::seconds(15)), "a node that sees its database signs");
    assert!(!promise.may_sign(&usual, Duration::seconds(18)), "what it signs would outlive a retired key");
}

/// A record without the member is one from before there were longer lifetimes.
#[test]
fn an_old_record_offers_what_the_configuration_does() {
    let (Store { db, _folder, .. }, now) = (store(sqlite_place()), OffsetDateTime::now_utc());
    let usual = policy(Duration::minutes(10));
    let old = r#"{"publish_before":86400,"publish_after":4600,"held_before":0,"held_after":0}"#;
    execute(&db, &format!("INSERT INTO facts (name, value) VALUES ('key_promise', '{old}')")).unwrap();
    assert_eq!(promised(&db, &usual, now).0, Duration::minutes(10));
}
