//! The plan: which step is due when.

use countersign::keys::plan::{Record, Step, outlook, plan};
use countersign::keys::policy::KeyPolicy;
use countersign::protocol::client::SigningAlg::{self, ES256, EdDSA, PS256, RS256};
use countersign::store::signing_keys::KeyState::{
    self, Active, Destroyed, Pending, Published, Retained, Retiring,
};
use time::OffsetDateTime;

use super::policy;

const NOW: i64 = 1_900_000_000;
const DAY: i64 = 86_400;

fn record(kid: &str, alg: SigningAlg, state: KeyState, since: i64, until: i64) -> Record {
    Record { kid: kid.into(), alg, state, since: NOW + since, until, usable: true }
}

/// A ring in the middle of its life, so that nothing is due in it.
fn calm(alg: SigningAlg) -> Vec<Record> {
    let name = alg.name();
    vec![
        record(&format!("{name} signs"), alg, Active, -10 * DAY, 0),
        record(&format!("{name} next"), alg, Published, -10 * DAY, NOW - 9 * DAY),
    ]
}

/// The plan for one ring beside calm ones.
fn steps(ring: &[Record], policy: &KeyPolicy) -> Vec<Step> {
    let alg = ring.first().map_or(RS256, |key| key.alg);
    let others = SigningAlg::ALWAYS.into_iter().filter(|other| *other != alg).flat_map(calm);
    let keys: Vec<Record> = ring.iter().cloned().chain(others).collect();
    plan(&keys, policy, OffsetDateTime::from_unix_timestamp(NOW).unwrap())
}

fn kid(name: &str) -> String {
    name.into()
}

fn activate(new: &str, old: Option<&str>) -> Step {
    Step::Activate { kid: new.into(), replaces: old.map(kid) }
}

#[test]
fn each_step_comes_when_it_is_due_and_not_before() {
    let active = |since| record("a", RS256, Active, since, 0);
    let asked = |until| Record { until, ..record("a", RS256, Active, -2 * DAY, 0) };
    let spare = |until| record("s", RS256, Published, -DAY, NOW + until);
    let table: Vec<(&str, Vec<Record>, Vec<Step>)> = vec![
        ("nothing to do", vec![active(-DAY), spare(-1)], vec![]),
        ("no spare", vec![active(-DAY)], vec![Step::Make(RS256)]),
        (
            "a spare nobody has seen",
            vec![active(-DAY), record("p", RS256, Pending, 0, 0)],
            vec![Step::Publish(kid("p"))],
        ),
        ("a day before the time", vec![active(-89 * DAY), spare(-1)], vec![]),
        ("its time has come", vec![active(-90 * DAY), spare(0)], vec![activate("s", Some("a"))]),
        ("the time, but not the next one's", vec![active(-200 * DAY), spare(1)], vec![]),
        ("asked to give way", vec![asked(NOW), spare(-1)], vec![activate("s", Some("a"))]),
        ("asked, but the next one is too young", vec![asked(NOW - 9), spare(1)], vec![]),
        (
            "public for long enough",
            vec![active(-DAY), spare(9), record("r", RS256, Retiring, -DAY, NOW)],
            vec![Step::Retain(kid("r"))],
        ),
        (
            "not long enough",
            vec![active(-DAY), spare(9), record("r", RS256, Retiring, -DAY, NOW + 1)],
            vec![],
        ),
        (
            "old hints are over",
            vec![active(-DAY), spare(9), record("r", RS256, Retained, -400 * DAY, 0)],
            vec![Step::Destroy { kid: kid("r"), from: Retained }],
        ),
        (
            "old hints are not",
            vec![active(-DAY), spare(9), record("r", RS256, Retained, -399 * DAY, 0)],
            vec![],
        ),
        (
            "the dead stay dead",
            vec![active(-DAY), spare(9), record("r", RS256, Destroyed, -4000 * DAY, 0)],
            vec![],
        ),
        ("clocks that went back", vec![active(50), record("s", RS256, Published, 60, NOW + 99)], vec![]),
        ("a ring that must sign and cannot", vec![spare(999)], vec![activate("s", None)]),
        (
            "what takes long comes last",
            vec![active(-DAY), record("r", RS256, Retiring, -DAY, NOW)],
            vec![Step::Retain(kid("r")), Step::Make(RS256)],
        ),
    ];
    for (what, ring, due) in table {
        assert_eq!(steps(&ring, &policy()), due, "{what}");
    }
}

#[test]
fn a_new_ring_is_shown_first_and_signs_later() {
    let more = KeyPolicy { algorithms: vec![RS256, ES256, PS256, EdDSA], ..policy() };
    let calm: Vec<Record> = SigningAlg::ALWAYS.into_iter().flat_map(calm).collect();
    assert_eq!(steps(&calm, &more), [Step::Make(EdDSA), Step::Make(PS256)]);
    for alg in [PS256, EdDSA] {
        let one = KeyPolicy { algorithms: vec![RS256, ES256, alg], ..policy() };
        assert_eq!(steps(&[record("p", alg, Pending, 0, 0)], &one), [Step::Publish(kid("p"))]);
        assert_eq!(steps(&[record("s", alg, Published, -9, NOW + 1)], &one), []);
        assert_eq!(steps(&[record("s", alg, Published, -9, NOW)], &one), [activate("s", None)]);
    }
}

/// A node that is configured otherwise must not undo what the others do.
#[test]
fn a_ring_that_is_not_configured_makes_nothing_and_ends_by_itself() {
    let spare = record("s", PS256, Published, -9, NOW - 1);
    let table = [
        (vec![record("a", PS256, Active, -DAY, 0)], vec![]),
        (vec![record("a", PS256, Active, -DAY, 0), record("p", PS256, Pending, 0, 0)], vec![]),
        (vec![record("a", PS256, Active, -90 * DAY, 0), spare], vec![activate("s", Some("a"))]),
        (vec![record("a", PS256, Active, -90 * DAY, 0)], vec![Step::Retire(kid("a"))]),
        (vec![record("r", PS256, Retiring, -9, NOW)], vec![Step::Retain(kid("r"))]),
    ];
    for (ring, due) in table {
        assert_eq!(steps(&ring, &policy()), due, "{ring:?}");
    }
}

/// One bad key must not take the others down, and a ring that cannot sign does not wait for caches.
#[test]
fn damaged_keys_are_replaced() {
    let damaged = |key: Record| Record { usable: false, ..key };
    let active = record("a", RS256, Active, -DAY, 0);
    let spare = record("s", RS256, Published, -9, NOW + DAY);
    let pending = record("p", RS256, Pending, 0, 0);
    let destroyed = |kid: &str, from| Step::Destroy { kid: kid.into(), from };
    let table = [
        (vec![damaged(active.clone()), spare.clone()], vec![activate("s", Some("a"))]),
        (vec![damaged(active.clone()), pending.clone()], vec![Step::Publish(kid("p"))]),
        (vec![damaged(active.clone())], vec![Step::Make(RS256)]),
        (vec![damaged(active.clone()), damaged(spare.clone())], vec![destroyed("s", Published)]),
        (vec![active.clone(), damaged(spare)], vec![destroyed("s", Published)]),
        (vec![active, damaged(pending)], vec![destroyed("p", Pending)]),
    ];
    for (ring, due) in table {
        assert_eq!(steps(&ring, &policy()), due, "{ring:?}");
    }
}

#[test]
fn the_outlook_says_when_the_next_key_takes_over() {
    let ring = |active: Record, spare: Option<Record>| {
        let keys: Vec<Record> = spare.into_iter().chain([active]).collect();
        let seen = outlook(&keys, &policy()).remove(0);
        (seen.next - NOW, seen.has_spare)
    };
    let active = record("a", RS256, Active, -DAY, 0);
    let spare = record("s", RS256, Published, -DAY, NOW + 60);
    assert_eq!(ring(active.clone(), None), (89 * DAY, false));
    assert_eq!(ring(active.clone(), Some(spare.clone())), (89 * DAY, true));
    let asked = Record { until: NOW - 5, ..active };
    assert_eq!(ring(asked, Some(spare)), (60, true));
}
