//! Cookies: the name of ours and no other, whatever stands beside it.

use countersign::protocol::cookies::{Names, Occurrences, find};
use proptest::prelude::*;

const NAME: &str = "__Host-sid";

fn found(field: &[u8]) -> (Option<&str>, bool) {
    let Occurrences { value, repeated } = find([field], NAME);
    (value, repeated)
}

#[test]
fn the_exact_name_is_found_and_nothing_that_only_becomes_it() {
    let table: &[(&[u8], Option<&str>)] = &[
        (b"__Host-sid=v", Some("v")),
        (b"a=b; __Host-sid=v; c=d", Some("v")),
        (b"a=b;__Host-sid=v;c=d", Some("v")),
        (b" \t__Host-sid=v\t ", Some("v")),
        (b"__Host-sid=", Some("")),
        (b"__Host-sid=v=w", Some("v=w")),
        // The browser applies its rules for `__Host-` to none of these.
        (b"__%48ost-sid=v", None),
        (b"%5F%5FHost-sid=v", None),
        (b"__Host-sid%20=v", None),
        (b"__host-sid=v", None),
        (b"__HOST-SID=v", None),
        ("\u{2000}__Host-sid=v".as_bytes(), None),
        ("\u{a0}__Host-sid=v".as_bytes(), None),
        ("\u{feff}__Host-sid=v".as_bytes(), None),
        (b"\xa0__Host-sid=v", None),
        (b"\x0b__Host-sid=v", None),
        (b"\x0c__Host-sid=v", None),
        (b"\x00__Host-sid=v", None),
        (b"__Host-sid =v", None),
        (b"__Host-sid", None),
        (b"__Host-sid2=v", None),
        (b"x__Host-sid=v", None),
        (b"=__Host-sid=v", None),
        (b"a=\"; __Host-sid=v\"", None),
        // What cannot be read is passed over and hides nothing.
        (b"a=\xff; __Host-sid=v", Some("v")),
        (b"\xff\xfe; =; ;; a; __Host-sid=v", Some("v")),
        (b"__Host-sid=\xff; __Host-sid=v", Some("v")),
        (b"__Host-sid=a b; __Host-sid=v", Some("v")),
        (b"__Host-sid=\"v\"", None),
        (b"__Host-sid=v, __Host-sid=w", None),
        (b"", None),
    ];
    for (field, value) in table {
        assert_eq!(found(field).0, *value, "{}", field.escape_ascii());
    }
}

#[test]
fn the_first_one_counts_and_a_second_one_is_noted() {
    assert_eq!(found(b"__Host-sid=v"), (Some("v"), false));
    assert_eq!(found(b"__Host-sid=v; a=b; __Host-sid=w"), (Some("v"), true));
    assert_eq!(found(b"__Host-sid=v; __Host-sid=v"), (Some("v"), true));
    assert_eq!(found(b"__Host-sid=\xff; __Host-sid=w"), (Some("w"), true));
    assert_eq!(found(b"__Host-sid=v; __%48ost-sid=w"), (Some("v"), false));
    // HTTP/2 may split the field (RFC 9113 §8.2.3).
    let fields = [&b"a=b"[..], b"__Host-sid=v", b"__Host-sid=w"];
    assert_eq!(find(fields, NAME), Occurrences { value: Some("v"), repeated: true });
}

#[test]
fn names_differ_where_two_providers_can_share_a_host() {
    let names = |issuer, path, development| Names::new(issuer, path, development);
    let alone = names("https://id.example", "", false);
    assert_eq!(
        [&alone.session, &alone.browser, &alone.device, &alone.language],
        ["__Host-sid", "__Host-browser", "__Host-device", "__Host-lang"]
    );
    let (auth, staff) = (
        names("https://id.example/auth", "/auth", false),
        names("https://id.example/staff", "/staff", false),
    );
    let (one, two) = (names("http://localhost:8080", "", true), names("http://localhost:8090", "", true));
    for (first, second, prefix) in [(&auth, &staff, "__Host-sid_"), (&one, &two, "countersign_sid_")] {
        for name in [&first.session, &second.session] {
            assert!(name.strip_prefix(prefix).is_some_and(|hash| hash.len() == 8), "{name}");
        }
        assert_ne!(first, second);
    }
    assert_eq!(auth, names("https://id.example/auth", "/auth", false), "every node calls them the same");
    assert_eq!(one.session, "countersign_sid_u5wyypuu");
}

/// Pieces from which near misses are made.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"__Host-sid".to_vec()),
        Just(b"__%48ost-sid".to_vec()),
        Just(b"=".to_vec()),
        Just(b";".to_vec()),
        Just(b" ".to_vec()),
        Just(b"\t".to_vec()),
        Just("\u{a0}".as_bytes().to_vec()),
        Just("\u{2000}".as_bytes().to_vec()),
        Just(b"\"".to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ]
}

proptest! {
    /// A value is found only where the octets of the name stand alone before a `=`, and it is found as it is.
    #[test]
    fn what_is_found_was_sent_under_that_very_name(pieces in prop::collection::vec(piece(), 0..24)) {
        let field = pieces.concat();
        let exact = |pair: &&[u8]| {
            let start = pair.iter().position(|b| !b" \t".contains(b)).unwrap_or(pair.len());
            pair[start..].starts_with(b"__Host-sid=")
        };
        let pairs: Vec<&[u8]> = field.split(|b| *b == b';').filter(exact).collect();
        let (value, repeated) = found(&field);
        prop_assert_eq!(repeated, pairs.len() > 1);
        match value {
            Some(value) => {
                let pair = format!("__Host-sid={value}");
                let is_it = |p: &&&[u8]| p.trim_ascii() == pair.as_bytes();
                prop_assert!(pairs.iter().any(|p| is_it(&p)), "{}", field.escape_ascii());
            }
            None => prop_assert!(pairs.iter().all(|pair| !pair.trim_ascii().is_ascii()
                || pair.trim_ascii().iter().any(|b| !b.is_ascii_graphic() || b"\",\\".contains(b)))),
        }
    }

    /// Our own pair is found whatever stands before and behind it, unless it is another pair of that name.
    #[test]
    fn nothing_beside_it_hides_it(
        before in prop::collection::vec(any::<u8>(), 0..40),
        after in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        prop_assume!(!before.windows(NAME.len()).any(|w| w == NAME.as_bytes()));
        let field = [&before[..], b"; __Host-sid=AZaz09-_; ", &after[..]].concat();
        prop_assert_eq!(found(&field).0, Some("AZaz09-_"));
    }
}
