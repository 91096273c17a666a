//! Every verb of the key-value contract, on SQLite, PostgreSQL and Redis alike. Time comes by argument,
//! so an instant of next year and one of ten minutes ago are as good as any.

use std::future::Future;

use countersign::db::{Db, Durability, Url};
use countersign::secret::{Token, sha256};
use countersign::state::MIGRATIONS;
use countersign::state::kv::{Drawer, Hits, Hold, Key, Kv, OnceKey, Spend, Until};
use futures_util::future::join_all;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use crate::support;

/// How many try at once to be the one.
const RIVALS: usize = 20;

/// A store and what must outlive it.
pub struct Store {
    pub kv: Kv,
    _folder: Option<TempDir>,
}

pub fn sqlite() -> Store {
    let folder = tempfile::tempdir().unwrap();
    let kv = Kv::file(&folder.path().join("state.db")).unwrap();
    Store { kv, _folder: Some(folder) }
}

pub fn postgres() -> Store {
    let url = Url::parse(&support::postgres::database()).unwrap();
    Store { kv: Kv::sql(Db::open(&url, Durability::Process, MIGRATIONS).unwrap()), _folder: None }
}

pub fn redis() -> Store {
    Store { kv: Kv::redis(&support::redis::url()).unwrap(), _folder: None }
}

/// Writes every test once for every store.
macro_rules! on_every_store {
    ($($test:ident)*) => {
        mod sqlite { $(#[actix_web::test] async fn $test() { super::$test(super::sqlite().kv).await; })* }
        mod postgres { $(#[actix_web::test] async fn $test() { super::$test(super::postgres().kv).await; })* }
        mod redis { $(#[actix_web::test] async fn $test() { super::$test(super::redis().kv).await; })* }
    };
}
pub(super) use on_every_store;

on_every_store! {
    a_value_is_there_until_its_end_and_not_a_second_longer
    bytes_come_back_as_they_went
    putting_again_replaces_value_and_end
    put_new_takes_only_a_free_place
    spending_answers_fresh_once_then_spent_until_it_is_forgotten
    the_first_to_spend_is_told_what_is_beside_it
    swapping_needs_the_old_value_live
    only_what_is_still_the_same_is_removed
    hits_count_within_a_window_that_starts_with_the_first
    a_count_is_taken_back_in_its_own_window_only
    a_counter_is_read_without_counting_and_taken_once
    a_budget_holds_amounts_until_each_of_them_ends
    of_twenty_amounts_at_once_no_more_are_held_than_there_is_room_for
    a_window_of_the_future_is_begun_anew
    drawers_do_not_meet
    an_index_lists_sorted_what_has_not_ended
    of_twenty_that_put_a_new_value_one_does
    of_twenty_that_put_over_an_ended_value_one_does
    of_twenty_that_spend_one_is_told_fresh
    of_twenty_that_swap_or_remove_one_does
    twenty_hits_at_once_are_twenty
    twenty_members_at_once_are_all_listed
}

/// A key nobody else uses.
fn key() -> Key {
    Key::new(Drawer::Probe, Token::generate().expose())
}

/// The same for what is spent, remembered until this instant.
fn once(until: OffsetDateTime) -> OnceKey {
    OnceKey::new(Drawer::Probe, Until::of(until), &sha256(Token::generate().expose().as_bytes()))
}

/// Spends, whatever is beside it.
pub async fn spend(kv: &Kv, key: &OnceKey, now: OffsetDateTime) -> Spend {
    let other = self::key();
    kv.spend(key, [&other, &other], now).await.unwrap().0
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(OffsetDateTime::now_utc().unix_timestamp()).unwrap()
}

fn seconds(count: i64) -> Duration {
    Duration::seconds(count)
}

async fn a_value_is_there_until_its_end_and_not_a_second_longer(kv: Kv) {
    let (key, now) = (key(), now());
    assert_eq!(kv.get(&key, now).await.unwrap(), None);
    kv.put(&key, b"value", now + seconds(60)).await.unwrap();
    for (at, there) in
        [(-60, true), (0, true), (59, true), (60, false), (61, false), (3600 * 24 * 400, false)]
    {
        let found = kv.get(&key, now + seconds(at)).await.unwrap();
        assert_eq!(found.is_some(), there, "{at} seconds from now");
    }
    // The caller's clock decides, also when it is turned back.
    assert_eq!(kv.get(&key, now).await.unwrap().as_deref(), Some(b"value".as_slice()));
    // An end that lies in the past by the store's own clock, but not by the caller's.
    kv.put(&key, b"late", now - seconds(600)).await.unwrap();
    assert_eq!(kv.get(&key, now - seconds(601)).await.unwrap().as_deref(), Some(b"late".as_slice()));
    assert_eq!(kv.get(&key, now - seconds(600)).await.unwrap(), None);
    kv.del(&key).await.unwrap();
    assert_eq!(kv.get(&key, now - seconds(601)).await.unwrap(), None);
    kv.del(&key).await.unwrap();
}

async fn bytes_come_back_as_they_went(kv: Kv) {
    let (now, exp) = (now(), now() + seconds(60));
    let every: Vec<u8> = (0..=255).collect();
    for value in
        [&b""[..], &[0], &[0, 0, 0], b"1", b"0", "\u{1F9A6} {\"a\":1}".as_bytes(), &every, &every.repeat(256)]
    {
        let (plain, fresh, next, spent) = (key(), key(), key(), once(exp));
        kv.put(&plain, value, exp).await.unwrap();
        assert_eq!(kv.get(&plain, now).await.unwrap().as_deref(), Some(value));
        assert!(kv.put_new(&fresh, value, exp, now).await.unwrap());
        assert_eq!(kv.get(&fresh, now).await.unwrap().as_deref(), Some(value));
        assert!(kv.swap(&fresh, value, b"other", exp, now).await.unwrap());
        assert!(kv.swap(&fresh, b"other", value, exp, now).await.unwrap());
        let later = &value[..value.len().min(999)];
        kv.issue(&spent, value, later, exp).await.unwrap();
        assert_eq!(spend(&kv, &spent, now).await, Spend::Fresh(value.to_vec()));
        assert_eq!(spend(&kv, &spent, now).await, Spend::Spent(later.to_vec()));
        assert!(!kv.swap(&next, value, b"other", exp, now).await.unwrap());
    }
}

async fn putting_again_replaces_value_and_end(kv: Kv) {
    let (key, now) = (key(), now());
    kv.put(&key, b"first", now + seconds(60)).await.unwrap();
    kv.put(&key, b"second", now + seconds(30)).await.unwrap();
    assert_eq!(kv.get(&key, now).await.unwrap().as_deref(), Some(b"second".as_slice()));
    assert_eq!(kv.get(&key, now + seconds(30)).await.unwrap(), None);
    kv.put(&key, b"third", now + seconds(90)).await.unwrap();
    assert_eq!(kv.get(&key, now + seconds(89)).await.unwrap().as_deref(), Some(b"third".as_slice()));
}

async fn put_new_takes_only_a_free_place(kv: Kv) {
    let (key, now) = (key(), now());
    let until = |count| now + seconds(count);
    assert!(kv.put_new(&key, b"a", until(60), now).await.unwrap());
    assert!(!kv.put_new(&key, b"b", until(90), until(59)).await.unwrap());
    assert_eq!(kv.get(&key, now).await.unwrap().as_deref(), Some(b"a".as_slice()));
    // The second its end is reached, the place is free.
    assert!(kv.put_new(&key, b"c", until(90), until(60)).await.unwrap());
    assert_eq!(kv.get(&key, until(60)).await.unwrap().as_deref(), Some(b"c".as_slice()));
    kv.del(&key).await.unwrap();
    assert!(kv.put_new(&key, b"e", until(200), until(120)).await.unwrap());
}

async fn spending_answers_fresh_once_then_spent_until_it_is_forgotten(kv: Kv) {
    let now = now();
    let until = |count| now + seconds(count);
    let (key, late) = (once(until(3600)), once(until(3600)));
    assert_eq!(spend(&kv, &key, now).await, Spend::Unknown);
    kv.issue(&key, b"grant", b"rest", until(60)).await.unwrap();
    kv.issue(&late, b"other", b"", until(60)).await.unwrap();
    assert_eq!(spend(&kv, &key, until(60)).await, Spend::Unknown, "its time was over");
    assert_eq!(spend(&kv, &key, until(59)).await, Spend::Fresh(b"grant".to_vec()));
    for at in [59, 60, 61, 3599] {
        let again = spend(&kv, &key, until(at)).await;
        assert_eq!(again, Spend::Spent(b"rest".to_vec()), "{at}");
        let never = spend(&kv, &late, until(at.max(60))).await;
        assert_eq!(never, Spend::Unknown, "{at}: what was not spent in its time never was");
    }
    for at in [3600, 90_000] {
        assert_eq!(spend(&kv, &key, until(at)).await, Spend::Unknown, "{at}");
    }
    // Another instant in the key is another key.
    assert_eq!(spend(&kv, &once(until(7200)), now).await, Spend::Unknown);
}

async fn the_first_to_spend_is_told_what_is_beside_it(kv: Kv) {
    let now = now();
    let until = |count| now + seconds(count);
    let spend = async |first: &Key, second: &Key| {
        let only_once = once(until(3600));
        let spend = || kv.spend(&only_once, [first, second], now);
        assert_eq!(spend().await.unwrap(), (Spend::Unknown, [None, None]));
        kv.issue(&only_once, b"grant", b"rest", until(60)).await.unwrap();
        let (told, beside) = spend().await.unwrap();
        assert_eq!(told, Spend::Fresh(b"grant".to_vec()));
        assert_eq!(spend().await.unwrap(), (Spend::Spent(b"rest".to_vec()), [None, None]));
        beside
    };
    let (live, empty, over, absent) = (key(), key(), key(), key());
    kv.put(&live, b"live", until(1)).await.unwrap();
    kv.put(&empty, b"", until(1)).await.unwrap();
    kv.put(&over, b"over", now).await.unwrap();
    assert_eq!(spend(&live, &over).await, [Some(b"live".to_vec()), None]);
    assert_eq!(spend(&absent, &live).await, [None, Some(b"live".to_vec())]);
    assert_eq!(spend(&empty, &empty).await, [Some(vec![]), Some(vec![])]);
    assert_eq!(spend(&over, &absent).await, [None, None]);
}

async fn swapping_needs_the_old_value_live(kv: Kv) {
    let (key, now) = (key(), now());
    let until = |count| now + seconds(count);
    assert!(!kv.swap(&key, b"", b"new", until(60), now).await.unwrap(), "nothing was there");
    assert_eq!(kv.get(&key, now).await.unwrap(), None);
    kv.put(&key, b"old", until(60)).await.unwrap();
    for other in [&b""[..], b"ol", b"old ", b"old\0", b"OLD"] {
        assert!(!kv.swap(&key, other, b"new", until(90), now).await.unwrap());
    }
    assert!(!kv.swap(&key, b"old", b"new", until(90), until(60)).await.unwrap(), "its time was over");
    assert!(kv.swap(&key, b"old", b"new", until(90), until(59)).await.unwrap());
    assert_eq!(kv.get(&key, until(89)).await.unwrap().as_deref(), Some(b"new".as_slice()));
    assert!(kv.swap(&key, b"new", b"new", until(30), now).await.unwrap(), "the end may move back");
    assert_eq!(kv.get(&key, until(30)).await.unwrap(), None);
}

async fn hits_count_within_a_window_that_starts_with_the_first(kv: Kv) {
    let (key, other, now) = (key(), key(), now());
    let window = seconds(60);
    for (at, count, resets) in
        [(0, 1, 60), (0, 2, 60), (30, 3, 60), (59, 4, 60), (60, 1, 120), (119, 2, 120), (500, 1, 560)]
    {
        let hits = kv.hit(&key, window, now + seconds(at)).await.unwrap();
        assert_eq!((hits.count, hits.resets - now), (count, seconds(resets)), "hit at {at}");
    }
    assert_eq!(kv.hit(&other, window, now).await.unwrap().count, 1);
    kv.del(&key).await.unwrap();
    assert_eq!(kv.hit(&key, window, now + seconds(501)).await.unwrap().count, 1);
}

/// A window that a clock has begun which ran ahead would count for as long as that clock was ahead.
async fn a_window_of_the_future_is_begun_anew(kv: Kv) {
    let (key, now, minute) = (key(), now(), seconds(60));
    for ahead in [seconds(3600), Duration::days(365)] {
        kv.hit(&key, minute, now + ahead).await.unwrap();
        kv.hit(&key, minute, now + ahead).await.unwrap();
        let hits = kv.hit(&key, minute, now).await.unwrap();
        assert_eq!((hits.count, hits.resets - now), (1, minute), "{ahead}");
    }
    // Clocks that differ a little count together.
    let hits = kv.hit(&key, minute, now - seconds(5)).await.unwrap();
    assert_eq!((hits.count, hits.resets - now), (2, minute));
}

async fn a_count_is_taken_back_in_its_own_window_only(kv: Kv) {
    let (key, window, now) = (key(), seconds(60), now());
    let until = |count| now + seconds(count);
    kv.unhit(&key, 1, until(60)).await.unwrap();
    assert_eq!(kv.hit(&key, window, now).await.unwrap().count, 1, "nothing was there to be taken back");
    let first = kv.hit(&key, window, until(59)).await.unwrap();
    kv.unhit(&key, 1, first.resets).await.unwrap();
    assert_eq!(kv.hit(&key, window, until(59)).await.unwrap().count, 2);
    // What was counted before is taken back when the next window has begun.
    assert_eq!(kv.hit(&key, window, until(60)).await.unwrap().count, 1);
    kv.unhit(&key, 1, first.resets).await.unwrap();
    let second = kv.hit(&key, window, until(61)).await.unwrap();
    assert_eq!((second.count, second.resets), (2, until(120)));
    for _ in 0..4 {
        kv.unhit(&key, 1, second.resets).await.unwrap();
    }
    let third = kv.hit(&key, window, until(62)).await.unwrap();
    assert_eq!((third.count, third.resets), (1, until(120)), "never below nothing, in the same window");
}

async fn a_counter_is_read_without_counting_and_taken_once(kv: Kv) {
    let (key, window, now) = (key(), seconds(60), now());
    let until = |count| now + seconds(count);
    let counted = |count| Some(Hits { count, resets: until(60) });
    assert_eq!((kv.hits(&key, now).await.unwrap(), kv.take_hits(&key, now).await.unwrap()), (None, None));
    for count in 1..=5 {
        kv.hit(&key, window, now).await.unwrap();
        assert_eq!(kv.hits(&key, until(59)).await.unwrap(), counted(count));
    }
    kv.unhit(&key, 2, until(60)).await.unwrap();
    assert_eq!(kv.hits(&key, now).await.unwrap(), counted(3), "two at once");
    kv.unhit(&key, 1, until(61)).await.unwrap();
    assert_eq!(kv.hits(&key, now).await.unwrap(), counted(3), "that is another window");
    assert_eq!(kv.hits(&key, until(60)).await.unwrap(), None, "the window is over");
    kv.unhit(&key, 9, until(60)).await.unwrap();
    assert_eq!(kv.hits(&key, now).await.unwrap(), counted(0), "never below nothing");
    kv.hit(&key, window, now).await.unwrap();
    let (kv, key) = (&kv, &key);
    let take = |_| async move { kv.take_hits(key, now).await.unwrap() == counted(1) };
    assert_eq!(winners(take).await, 1, "of many that take it one is told");
    assert_eq!(kv.hits(key, now).await.unwrap(), None);
    assert_eq!(kv.hit(key, window, until(7)).await.unwrap().resets, until(67), "a window of its own");
    assert_eq!(kv.take_hits(key, until(67)).await.unwrap(), None, "too late");
}

async fn a_budget_holds_amounts_until_each_of_them_ends(kv: Kv) {
    let (key, other, now) = (key(), key(), now());
    let until = |count| now + seconds(count);
    let hold = async |amount, ends, at| kv.hold(&key, amount, 100, until(ends), until(at)).await.unwrap();
    assert_eq!(hold(60, 60, 0).await, Hold::Held);
    assert_eq!(hold(30, 90, 30).await, Hold::Held);
    assert_eq!(hold(10, 60, 30).await, Hold::Held, "to the last one");
    // Each ends by itself: what came late is still held when what came early is not.
    assert_eq!(hold(1, 100, 40).await, Hold::Full(until(60)));
    assert_eq!(hold(71, 100, 40).await, Hold::Full(until(90)), "there is room for that much only later");
    assert_eq!(hold(1, 100, 59).await, Hold::Full(until(60)), "what was refused is not held");
    assert_eq!(hold(70, 120, 60).await, Hold::Held);
    assert_eq!(hold(1, 130, 60).await, Hold::Full(until(90)));
    kv.release(&key, 70, until(120)).await.unwrap();
    assert_eq!(hold(70, 130, 60).await, Hold::Held, "given back before its time");
    assert_eq!(hold(31, 140, 90).await, Hold::Full(until(130)));
    assert_eq!(hold(30, 140, 90).await, Hold::Held);
    assert_eq!(kv.hold(&other, 100, 100, until(60), now).await.unwrap(), Hold::Held, "another budget");
    // What a clock that ran ahead has held does not count: all amounts of a budget last equally long.
    let ahead = Key::new(Drawer::ParkedBytes, "ahead");
    kv.hold(&ahead, 100, 100, until(3691), until(91)).await.unwrap();
    kv.hold(&ahead, 60, 100, until(3600), now).await.unwrap();
    assert_eq!(kv.hold(&ahead, 40, 100, until(3600), now).await.unwrap(), Hold::Held);
    assert_eq!(kv.hold(&ahead, 1, 100, until(3600), now).await.unwrap(), Hold::Full(until(3600)));
    assert!(
        matches!(kv.hold(&ahead, 1, 100, until(3601), until(1)).await.unwrap(), Hold::Full(_)),
        "within a minute and a half"
    );
    assert!(matches!(kv.hold(&other, 101, 100, until(60), now).await.unwrap(), Hold::Full(_)));
    kv.release(&other, 5, until(70)).await.unwrap();
    assert_eq!(kv.hold(&other, 1, 100, until(70), now).await.unwrap(), Hold::Full(until(60)), "never held");
}

async fn of_twenty_amounts_at_once_no_more_are_held_than_there_is_room_for(kv: Kv) {
    let (key, now) = (key(), now());
    let (kv, key) = (&kv, &key);
    let hold = |_| async move { kv.hold(key, 10, 75, now + seconds(60), now).await.unwrap() == Hold::Held };
    assert_eq!(winners(hold).await, 7);
}

async fn only_what_is_still_the_same_is_removed(kv: Kv) {
    let (key, now) = (key(), now());
    let until = |count| now + seconds(count);
    assert!(!kv.del_same(&key, b"", now).await.unwrap(), "nothing was there");
    kv.put(&key, b"old", until(60)).await.unwrap();
    for other in [&b""[..], b"ol", b"old ", b"old\0", b"OLD"] {
        assert!(!kv.del_same(&key, other, now).await.unwrap());
    }
    assert!(!kv.del_same(&key, b"old", until(60)).await.unwrap(), "its time was over");
    assert_eq!(kv.get(&key, now).await.unwrap().as_deref(), Some(b"old".as_slice()));
    assert!(kv.del_same(&key, b"old", until(59)).await.unwrap());
    assert_eq!(kv.get(&key, now).await.unwrap(), None);
}

async fn drawers_do_not_meet(kv: Kv) {
    let name = Token::generate();
    let (one, two) = (Key::new(Drawer::Probe, name.expose()), Key::new(Drawer::Mark, name.expose()));
    let (now, exp) = (now(), now() + seconds(60));
    kv.put(&one, b"one", exp).await.unwrap();
    assert_eq!(kv.get(&two, now).await.unwrap(), None);
    assert!(kv.put_new(&two, b"two", exp, now).await.unwrap());
    kv.del(&one).await.unwrap();
    assert_eq!(kv.get(&two, now).await.unwrap().as_deref(), Some(b"two".as_slice()));
}

async fn an_index_lists_sorted_what_has_not_ended(kv: Kv) {
    let (set, other, now) = (key(), key(), now());
    let until = |count| now + seconds(count);
    assert!(kv.index_list(&set, now).await.unwrap().is_empty());
    // By bytes, as nobody's language sorts; ends in another order than names.
    for (member, end) in [("b", 30), ("a", 60), ("Z", 10), ("_", 50), ("é", 40), ("0", 20)] {
        kv.index_add(&set, member, until(end), now).await.unwrap();
    }
    for (at, listed) in [
        (0, &["0", "Z", "_", "a", "b", "é"][..]),
        (9, &["0", "Z", "_", "a", "b", "é"]),
        (10, &["0", "_", "a", "b", "é"]),
        (20, &["_", "a", "b", "é"]),
        (59, &["a"]),
        (60, &[]),
    ] {
        assert_eq!(kv.index_list(&set, until(at)).await.unwrap(), listed, "at {at}");
    }
    kv.index_add(&set, "Z", until(100), now).await.unwrap();
    kv.index_add(&set, "a", until(5), now).await.unwrap();
    assert_eq!(kv.index_list(&set, until(5)).await.unwrap(), ["0", "Z", "_", "b", "é"]);
    // Adding sweeps out what has ended, not what has not.
    kv.index_add(&set, "new", until(200), until(45)).await.unwrap();
    assert_eq!(kv.index_list(&set, until(45)).await.unwrap(), ["Z", "_", "new"]);
    assert!(kv.index_list(&other, now).await.unwrap().is_empty());
}

/// Tells how many of the rivals won.
async fn winners<F: Future<Output = bool>>(attempt: impl Fn(usize) -> F) -> usize {
    join_all((0..RIVALS).map(attempt)).await.into_iter().filter(|won| *won).count()
}

async fn of_twenty_that_put_a_new_value_one_does(kv: Kv) {
    for _ in 0..5 {
        let (key, now) = (key(), now());
        let (kv, key) = (&kv, &key);
        let put = |rival: usize| async move {
            kv.put_new(key, rival.to_string().as_bytes(), now + seconds(60), now).await.unwrap()
        };
        assert_eq!(winners(put).await, 1);
    }
}

async fn of_twenty_that_put_over_an_ended_value_one_does(kv: Kv) {
    for _ in 0..5 {
        let (key, now) = (key(), now());
        kv.put(&key, b"ended", now).await.unwrap();
        let (kv, key) = (&kv, &key);
        let put = |rival: usize| async move {
            kv.put_new(key, rival.to_string().as_bytes(), now + seconds(60), now).await.unwrap()
        };
        assert_eq!(winners(put).await, 1);
    }
}

async fn of_twenty_that_spend_one_is_told_fresh(kv: Kv) {
    for _ in 0..5 {
        let now = now();
        let key = once(now + seconds(3600));
        kv.issue(&key, b"value", b"rest", now + seconds(60)).await.unwrap();
        let (kv, key) = (&kv, &key);
        let spend = |_| async move {
            match spend(kv, key, now).await {
                Spend::Fresh(value) => value == b"value",
                Spend::Spent(value) if value == b"rest" => false,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(winners(spend).await, 1);
    }
}

async fn of_twenty_that_swap_or_remove_one_does(kv: Kv) {
    for _ in 0..5 {
        let (key, now) = (key(), now());
        kv.put(&key, b"old", now + seconds(60)).await.unwrap();
        let (kv, key) = (&kv, &key);
        let change = |rival: usize| async move {
            if rival.is_multiple_of(2) {
                return kv.del_same(key, b"old", now).await.unwrap();
            }
            kv.swap(key, b"old", rival.to_string().as_bytes(), now + seconds(60), now).await.unwrap()
        };
        assert_eq!(winners(change).await, 1);
    }
}

async fn twenty_hits_at_once_are_twenty(kv: Kv) {
    let (key, now) = (key(), now());
    // The window before has ended, so that starting anew is part of the race.
    kv.hit(&key, seconds(60), now - seconds(60)).await.unwrap();
    let hits = (0..RIVALS).map(|_| kv.hit(&key, seconds(60), now));
    let mut counts: Vec<u64> = join_all(hits).await.into_iter().map(|hits| hits.unwrap().count).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=20).collect::<Vec<u64>>());
}

async fn twenty_members_at_once_are_all_listed(kv: Kv) {
    let (set, now) = (key(), now());
    let names: Vec<String> = (0..RIVALS).map(|rival| format!("{rival:02}")).collect();
    let added = join_all(names.iter().map(|name| kv.index_add(&set, name, now + seconds(60), now))).await;
    assert!(added.iter().all(Result::is_ok), "{added:?}");
    assert_eq!(kv.index_list(&set, now).await.unwrap(), names);
}

mod sweep {
    use super::{Kv, Spend, Store, key, now, once, seconds, spend};

    /// 1100 ended values beside three live ones go in three sweeps.
    async fn takes_five_hundred_at_most(Store { kv, _folder }: Store) {
        let now = now();
        let live = key();
        kv.put(&live, b"live", now + seconds(1)).await.unwrap();
        let (spent, never) = (once(now + seconds(60)), once(now + seconds(60)));
        kv.issue(&spent, b"spent", b"rest", now + seconds(30)).await.unwrap();
        kv.issue(&never, b"never", b"rest", now + seconds(30)).await.unwrap();
        assert!(matches!(spend(&kv, &spent, now).await, Spend::Fresh(_)));
        kv.hit(&key(), seconds(60), now).await.unwrap();
        assert_eq!(kv.sweep(now).await.unwrap(), 0);
        let ended: Vec<_> = (0..1100).map(|_| key()).collect();
        let put = ended.iter().map(|key| kv.put(key, b"", now - seconds(3600)));
        assert!(futures_util::future::join_all(put).await.iter().all(Result::is_ok));
        let mut swept = vec![];
        for _ in 0..4 {
            swept.push(kv.sweep(now).await.unwrap());
        }
        assert_eq!(swept, [500, 500, 100, 0]);
        assert!(kv.get(&live, now).await.unwrap().is_some());
        assert_eq!(kv.sweep(now + seconds(60)).await.unwrap(), 0, "what was spent is still remembered");
        assert_eq!(
            kv.sweep(now + seconds(61)).await.unwrap(),
            3,
            "the spent one, and both rows of the other"
        );
        assert_eq!(kv.sweep(now + seconds(3600)).await.unwrap(), 0, "garbage stays for an hour");
        assert_eq!(kv.sweep(now + seconds(3660)).await.unwrap(), 2, "the live value and the counter");
    }

    #[actix_web::test]
    async fn sqlite() {
        takes_five_hundred_at_most(super::sqlite()).await;
    }

    #[actix_web::test]
    async fn postgres() {
        takes_five_hundred_at_most(super::postgres()).await;
    }

    /// Redis collects by itself, an hour after the end.
    #[actix_web::test]
    async fn redis() {
        let kv: Kv = super::redis().kv;
        let (key, now) = (key(), now());
        kv.put(&key, b"", now - seconds(3598)).await.unwrap();
        assert_eq!(kv.sweep(now).await.unwrap(), 0);
        let before = now - seconds(7200);
        assert!(kv.get(&key, before).await.unwrap().is_some(), "garbage stays for an hour");
        let begun = std::time::Instant::now();
        while kv.get(&key, before).await.unwrap().is_some() {
            assert!(begun.elapsed().as_secs() < 10, "garbage is never collected");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}
