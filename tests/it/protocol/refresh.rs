//! Refresh tokens: their form, and the decision on each that is presented.

use countersign::ids::GrantId;
use countersign::protocol::refresh::{
    Decision, Ended, Facts, LENGTH, Position, RefreshToken, Rotation, decide, malformed, refused, salt,
};
use countersign::protocol::revoked::Why;
use countersign::secret::Key;
use proptest::prelude::*;
use time::{Duration, OffsetDateTime};

const IDLE: Duration = Duration::days(30);

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_900_000_000 + seconds).unwrap()
}

/// A family that began long before 0, whose fifth token was issued at 0 and whose fourth at -100.
fn facts() -> Facts {
    let position = Position {
        generation: 5,
        used_at: at(0),
        used_before: at(-10),
        late_hits: 0,
        idle_end: at(0) + IDLE,
    };
    Facts { position, revoked: None, absolute_end: at(0) + Duration::days(90), created_at: at(-100_000) }
}

fn of(facts: &Facts, generation: u32, seconds: i64) -> Decision {
    decide(facts, generation, true, Some(IDLE), Rotation::DEFAULT, at(seconds))
}

#[test]
fn a_token_names_its_family_and_generation_under_a_mac() {
    let (key, family) = (Key::new([7; 32]), GrantId::from_bytes(&[5; 16]).unwrap());
    let salted = salt([9; 16]);
    assert_eq!((salted[0], salted.len()), (1, 17));
    let text = RefreshToken::make(&key, family, 3, &salted).expose();
    assert!(text.starts_with("rt_") && text.chars().count() == LENGTH, "{}", *text);
    let token = RefreshToken::parse(&text).unwrap();
    assert_eq!((token.family, token.generation), (family, 3));
    assert!(token.is_genuine(&key, &salted));
    assert!(!token.is_genuine(&Key::new([8; 32]), &salted));
    assert!(!token.is_genuine(&key, &salt([8; 16])));
    // No byte can be changed, no text cut or lengthened.
    let bytes = data_encoding::BASE64URL_NOPAD.decode(text[3..].as_bytes()).unwrap();
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        let changed = format!("rt_{}", data_encoding::BASE64URL_NOPAD.encode(&changed));
        assert!(!RefreshToken::parse(&changed).unwrap().is_genuine(&key, &salted), "byte {position}");
    }
    for end in 0..text.len() {
        assert!(RefreshToken::parse(&text[..end]).is_none(), "cut to {end}");
    }
    for other in ["", "rt_", &format!("{}A", *text), &text[3..], &text.replace("rt_", "RT_")] {
        assert!(RefreshToken::parse(other).is_none(), "{other}");
    }
    assert!(malformed(&text[..70]).to_string().contains("70 characters instead of 73"));
    assert_eq!(refused("x").error.code, "invalid_grant");
}

#[test]
fn each_generation_has_its_answer() {
    let rotated = |seconds| Position {
        generation: 6,
        used_at: at(seconds),
        used_before: at(0),
        idle_end: at(seconds) + IDLE,
        ..facts().position
    };
    let late = |late_hits| Position { late_hits, ..facts().position };
    let hits = |late_hits| Facts { position: late(late_hits), ..facts() };
    let ahead = |used_at| Facts { position: Position { used_at, ..facts().position }, ..facts() };
    for (facts, generation, seconds, expected) in [
        // The newest.
        (facts(), 5, 0, Decision::Rotate(rotated(0))),
        (facts(), 5, 1000, Decision::Rotate(rotated(1000))),
        // The one before it: again in time, or not.
        (facts(), 4, 29, Decision::Repeat),
        (facts(), 4, 30, Decision::Repeat),
        (facts(), 4, 31, Decision::Reuse),
        // The clock of another node is a little ahead, or was far ahead.
        (facts(), 4, -1, Decision::Repeat),
        (ahead(at(31)), 4, 0, Decision::Reuse),
        // The client has moved on: thirty seconds after that token's own use.
        (facts(), 3, 19, Decision::Late(late(1))),
        (facts(), 3, 20, Decision::Late(late(1))),
        (facts(), 3, 21, Decision::Reuse),
        (hits(2), 3, 1, Decision::Late(late(3))),
        (hits(3), 3, 1, Decision::Reuse),
        // Anything older.
        (facts(), 2, 0, Decision::Reuse),
        (facts(), 0, 0, Decision::Reuse),
        // From a backup that was restored.
        (facts(), 6, 0, Decision::FromTheFuture),
        (facts(), u32::MAX, 0, Decision::FromTheFuture),
    ] {
        assert_eq!(of(&facts, generation, seconds), expected, "{generation} at {seconds}");
    }
}

#[test]
fn a_family_ends_at_the_second_and_for_one_reason() {
    let (idle, absolute) = (at(0) + IDLE, at(0) + Duration::days(90));
    let seconds = |end: OffsetDateTime| (end - at(0)).whole_seconds();
    let busy = Facts { position: Position { idle_end: absolute, ..facts().position }, ..facts() };
    let revoked = Facts { revoked: Some((at(-5), Why::SignedOut)), ..busy };
    let unborn = Facts { created_at: at(31), ..facts() };
    for (facts, second, expected) in [
        (facts(), seconds(idle) - 1, None),
        (facts(), seconds(idle), Some(Ended::Idle(idle))),
        (facts(), seconds(idle) + 1, Some(Ended::Idle(idle))),
        (busy, seconds(absolute) - 1, None),
        (busy, seconds(absolute), Some(Ended::Absolute(absolute))),
        (busy, seconds(absolute) + 1, Some(Ended::Absolute(absolute))),
        (revoked, 0, Some(Ended::Revoked(at(-5), Why::SignedOut))),
        (revoked, seconds(absolute) + 1, Some(Ended::Revoked(at(-5), Why::SignedOut))),
        (unborn, 0, Some(Ended::DatedAhead)),
        (unborn, 1, None),
    ] {
        let is_ended = matches!(of(&facts, 5, second), Decision::Ended(ended) if Some(ended) == expected);
        assert_eq!(is_ended, expected.is_some(), "{expected:?} at {second}");
        // A family that has ended is not revoked by the use of an old token.
        let old = matches!(of(&facts, 0, second), Decision::Ended(_));
        assert_eq!(old, expected.is_some(), "{expected:?} at {second}");
    }
    for (ended, words) in [
        (Ended::Idle(idle), "not used for too long"),
        (Ended::Absolute(absolute), "its latest end"),
        (Ended::Revoked(at(0), Why::SignedOut), "the person signed out"),
        (Ended::DatedAhead, "dated in the future"),
    ] {
        let cause = ended.cause(absolute).to_string();
        assert!(cause.contains(words), "{cause}");
    }
}

#[test]
fn a_confidential_client_keeps_its_token_and_its_end_moves_by_a_thirtieth() {
    let first = Position { generation: 0, used_before: at(0), ..facts().position };
    let keep = |position: Position, idle: Option<Duration>, seconds: i64| {
        let facts = Facts { position, ..facts() };
        match decide(&facts, position.generation, false, idle, Rotation::DEFAULT, at(seconds)) {
            Decision::Keep(to) => to,
            other => panic!("{other:?}"),
        }
    };
    let day = Duration::days(1).whole_seconds();
    for seconds in [0, 1, day - 1, day] {
        assert_eq!(keep(first, Some(IDLE), seconds), first, "{seconds}");
    }
    let moved = Position { used_at: at(day + 1), idle_end: at(day + 1) + IDLE, ..first };
    assert_eq!(keep(first, Some(IDLE), day + 1), moved);
    // Where tokens were replaced before, `used_at` goes on telling when.
    let later = keep(facts().position, Some(IDLE), day + 1);
    assert_eq!((later.used_at, later.idle_end), (at(0), at(day + 1) + IDLE));
    // Never beyond the latest end; and without an idle span there is nothing to move.
    let near = at(0) + Duration::days(90) - Duration::days(2);
    let last = Position { idle_end: near, ..first };
    let end = keep(last, Some(IDLE), (near - at(1)).whole_seconds()).idle_end;
    assert_eq!(end, facts().absolute_end);
    let whole = Position { idle_end: facts().absolute_end, ..first };
    assert_eq!(keep(whole, None, 5 * day), whole);
    // An old token is as old for it as for others.
    let facts = Facts { position: facts().position, ..facts() };
    let old = |generation| decide(&facts, generation, false, Some(IDLE), Rotation::DEFAULT, at(31));
    assert_eq!((old(4), old(0)), (Decision::Reuse, Decision::Reuse));
}

proptest! {
    /// Whatever tokens are presented and whenever: each answer is the newest token, the generation grows by one at most, and
    /// no family outlives its latest end.
    #[test]
    fn a_family_never_forks(uses in proptest::collection::vec((0_u32..8, 0_i64..100_000, any::<bool>()), 1..60)) {
        let mut facts = Facts {
            position: Position {
                generation: 0, used_at: at(0), used_before: at(0), late_hits: 0,
                idle_end: at(0) + Duration::days(20),
            },
            revoked: None,
            absolute_end: at(0) + Duration::days(20),
            created_at: at(0),
        };
        let mut now = 0;
        for (generation, later, rotates) in uses {
            now += later;
            let before = facts.position;
            match decide(&facts, generation, rotates, Some(IDLE), Rotation::DEFAULT, at(now)) {
                Decision::Rotate(to) => {
                    prop_assert_eq!((generation, to.generation), (before.generation, before.generation + 1));
                    facts.position = to;
                }
                Decision::Keep(to) => {
                    prop_assert_eq!((generation, to.generation), (before.generation, before.generation));
                    facts.position = to;
                }
                Decision::Repeat => {
                    prop_assert_eq!(generation + 1, before.generation);
                    prop_assert!(at(now) - before.used_at <= Rotation::DEFAULT.grace);
                }
                Decision::Late(to) => {
                    prop_assert_eq!(generation + 2, before.generation);
                    prop_assert!(to.late_hits <= Rotation::DEFAULT.late_hits);
                    facts.position = to;
                }
                Decision::Reuse => prop_assert!(generation < before.generation),
                Decision::FromTheFuture => prop_assert!(generation > before.generation),
                Decision::Ended(_) => prop_assert!(at(now) >= facts.position.idle_end),
            }
            prop_assert!(facts.position.idle_end <= facts.absolute_end);
        }
    }
}
