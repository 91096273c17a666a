//! Text from outside, as it may be logged.

use countersign::protocol::cause::Cause;
use countersign::protocol::request::Unanswerable;
use countersign::protocol::shown::{LONGEST, Shown};

#[test]
fn it_is_cut_and_escaped() {
    for (sent, shown) in [
        ("", ""),
        ("plain \"text\" \\", "plain \"text\" \\"),
        ("two\nlines\r\t\0", "two\\nlines\\r\\t\\u{0}"),
        ("\u{1b}[31mred\u{7f}\u{9b}", "\\u{1b}[31mred\\u{7f}\\u{9b}"),
        ("\u{202e}turned\u{2028}\u{2066}", "\\u{202e}turned\\u{2028}\\u{2066}"),
        ("m\u{fc}ller \u{1F4A3}", "m\u{fc}ller \u{1F4A3}"),
    ] {
        assert_eq!(Shown::of(sent).to_string(), shown, "{sent:?}");
        assert_eq!(Shown::from(sent.to_owned()).to_string(), shown, "{sent:?}");
    }
    for sent in ["x".repeat(60_000), "\u{1F4A3}".repeat(60_000)] {
        for shown in [Shown::of(&sent), Shown::from(sent.clone())] {
            assert_eq!(shown.chars().count(), LONGEST + 1);
            assert!(sent.starts_with(shown.strip_suffix('\u{2026}').unwrap()));
        }
    }
    assert_eq!(*Shown::of("x".repeat(LONGEST)), *"x".repeat(LONGEST), "exactly the longest is kept whole");
}

/// What comes back from a store is text from outside again.
#[test]
fn it_is_cut_when_it_is_read_back() {
    let stored = serde_json::to_string(&"x".repeat(60_000)).unwrap();
    assert_eq!(serde_json::from_str::<Shown>(&stored).unwrap().chars().count(), LONGEST + 1);
    let whole = Shown::of("caf\u{e9}\n");
    let stored = serde_json::to_string(&whole).unwrap();
    assert_eq!(
        (stored.as_str(), serde_json::from_str::<Shown>(&stored).unwrap()),
        ("\"caf\u{e9}\\n\"", whole)
    );
}

#[test]
fn failures_and_causes_are_bounded() {
    let long = "z".repeat(60_000);
    let cause = Cause::from(long.clone()).with("sent", &long).mend(long.clone());
    assert!(cause.to_string().chars().count() < 3 * (LONGEST + 20));
    let failure = Unanswerable::ClientUnknown(Shown::of(&long));
    assert!(failure.to_string().chars().count() < LONGEST + 50);
}
