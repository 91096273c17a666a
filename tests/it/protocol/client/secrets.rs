//! The secrets of one client: which are accepted, and whose use is written.

use countersign::protocol::client::{ClientSecret, LastUse, Secrets};
use countersign::secret::TokenHash;
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(10_000));

/// Secrets `secret-1`, `secret-2`, …, each with the seconds from now to its end.
fn secrets(ends: &[Option<i64>]) -> Secrets {
    let made = ends.iter().zip(1..).map(|(ends, number)| ClientSecret {
        number,
        ends_at: ends.map(|seconds| NOW + Duration::seconds(seconds)),
        ..ClientSecret::of(TokenHash::of(&format!("secret-{number}")), NOW)
    });
    let mut made: Vec<ClientSecret> = made.collect();
    // The order of rows says nothing.
    made.reverse();
    Secrets::new(made)
}

fn found(secrets: &Secrets, presented: &[&str]) -> Option<(i64, bool)> {
    let presented: Vec<TokenHash> = presented.iter().map(|secret| TokenHash::of(secret)).collect();
    secrets.find(&presented, NOW).map(|secret| (secret.number, secret.is_live(NOW)))
}

#[test]
fn a_secret_is_accepted_until_the_second_of_its_end() {
    for (ends, is_live) in [(None, true), (Some(1), true), (Some(0), false), (Some(-1), false)] {
        assert_eq!(found(&secrets(&[ends]), &["secret-1"]), Some((1, is_live)), "{ends:?}");
    }
    let two = secrets(&[Some(60), None]);
    assert_eq!(two.live(NOW).map(|secret| secret.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(two.newest().map(|secret| secret.number), Some(2));
}

#[test]
fn each_presented_form_is_compared_with_every_secret() {
    let three = secrets(&[Some(-1), Some(60), None]);
    for (presented, expected) in [
        (&["secret-1"][..], Some((1, false))),
        (&["secret-2"], Some((2, true))),
        (&["x", "secret-3"], Some((3, true))),
        // A live one goes before one that has ended.
        (&["secret-1", "secret-2"], Some((2, true))),
        (&["x", ""], None),
        (&[], None),
    ] {
        assert_eq!(found(&three, presented), expected, "{presented:?}");
    }
    assert_eq!(found(&Secrets::default(), &[""]), None, "no secret is not an empty one");
}

/// One secret is used all the time: that is written nowhere.
#[test]
fn use_is_written_while_two_are_live_and_seldom() {
    let used = |at: i64| Some(LastUse { at: NOW + Duration::seconds(at), network: None });
    let with = |old: Option<LastUse>, new: Option<LastUse>| {
        let all = secrets(&[Some(60), None]).all().to_vec();
        Secrets::new(
            all.into_iter()
                .zip([old, new])
                .map(|(secret, last_use)| ClientSecret { last_use, ..secret })
                .collect(),
        )
    };
    let written = |secrets: &Secrets, number| secrets.use_to_write(number, NOW).map(|secret| secret.number);
    let alone = secrets(&[None]);
    assert_eq!(written(&alone, 1), None);
    assert_eq!(written(&secrets(&[Some(-1), None]), 2), None, "the other one has ended");
    for (old, new, expected) in [
        (None, None, [Some(1), Some(2)]),
        (used(-3599), used(-1), [None, None]),
        (used(-3600), used(-9_000_000), [Some(1), None]),
        // A clock that ran ahead.
        (used(3601), None, [Some(1), Some(2)]),
    ] {
        let two = with(old.clone(), new.clone());
        assert_eq!([written(&two, 1), written(&two, 2)], expected, "{old:?} {new:?}");
    }
}
