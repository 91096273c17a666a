//! Parameters: decoded strictly, once.

use countersign::protocol::params::{Params, Undecodable, decode};
use proptest::collection::vec;
use proptest::prelude::*;

const KNOWN: [&str; 6] = ["a", "b", "state", "scope", "resource", "code_challenge"];

fn parse(raw: &str) -> Params {
    Params::parse(raw.as_bytes(), &KNOWN).unwrap()
}

#[test]
fn values_are_decoded_as_forms_are() {
    for (raw, value) in [
        ("a=1", Some("1")),
        ("a=1+2%203", Some("1 2 3")),
        ("a=%C3%A9%26%3D%2B%25", Some("é&=+%")),
        ("a=x=y", Some("x=y")),
        ("%61=1", Some("1")),
        ("a=%61%2f%2F", Some("a//")),
        ("a", None),
        ("a=", None),
        ("", None),
        ("&&&", None),
        ("A=1", None),
        (" a=1", None),
        ("a[]=1", None),
        ("a;b=1", None),
        ("&a=1&", Some("1")),
        ("=1&a=2", Some("2")),
    ] {
        assert_eq!(parse(raw).get("a"), value, "{raw}");
    }
}

#[test]
fn what_cannot_be_decoded_is_refused_wherever_it_stands() {
    for (raw, why) in [
        (&b"a=%"[..], Undecodable::Escape),
        (b"a=%4", Undecodable::Escape),
        (b"a=%4g", Undecodable::Escape),
        (b"a=%%41", Undecodable::Escape),
        (b"a=%+1", Undecodable::Escape),
        (b"%zz=1", Undecodable::Escape),
        (b"unknown=%zz", Undecodable::Escape),
        (b"a=%FF", Undecodable::Utf8),
        (b"a=\xFF", Undecodable::Utf8),
        (b"a=%C0%80", Undecodable::Utf8),
        (b"a=%ED%A0%80", Undecodable::Utf8),
        (b"a=%00", Undecodable::Nul),
        (b"a=x\0y", Undecodable::Nul),
        (b"a%00=1", Undecodable::Nul),
    ] {
        assert_eq!(Params::parse(raw, &KNOWN), Err(why), "{raw:?}");
    }
}

#[test]
fn repeats_are_remembered_and_the_first_value_is_kept() {
    let params = parse("a=1&b=2&a=3&a=1&unknown=1&unknown=2");
    assert_eq!((params.get("a"), params.get("b")), (Some("1"), Some("2")));
    assert!(params.is_repeated("a") && !params.is_repeated("b") && !params.is_repeated("unknown"));
    assert_eq!(params.repeated(), Some("a"));
    // The same value twice is still twice; an empty one never was there.
    assert_eq!(parse("a=1&a=1").repeated(), Some("a"));
    assert_eq!(parse("a=&a=1&a=").repeated(), None);
    let many = |count: usize| parse(&vec!["resource=r"; count].join("&"));
    assert_eq!((many(20).all("resource").count(), many(20).repeated()), (20, None));
    assert_eq!((many(21).all("resource").count(), many(21).repeated()), (20, Some("resource")));
}

#[test]
fn limits_are_in_bytes_and_inclusive() {
    for (name, most) in [("state", 8192), ("scope", 4096), ("code_challenge", 128)] {
        let sent = |length: usize| parse(&format!("{name}={}", "x".repeat(length)));
        assert_eq!(sent(most).too_long(), None, "{name}");
        assert_eq!(sent(most + 1).too_long(), Some(name));
        assert!(sent(most + 1).is_too_long(name) && !sent(most + 1).is_too_long("a"));
        let accents = parse(&format!("{name}={}", "%C3%A9".repeat(most / 2 + 1)));
        assert_eq!(accents.too_long(), Some(name), "bytes, not characters");
    }
    assert_eq!(parse(&format!("a={}", "x".repeat(60_000))).too_long(), None);
}

proptest! {
    #[test]
    fn decoding_never_panics_and_gives_clean_text(raw in vec(any::<u8>(), 0..200)) {
        if let Ok(text) = decode(&raw) {
            prop_assert!(!text.contains('\0'));
        }
        let _whatever = Params::parse(&raw, &KNOWN);
    }

    #[test]
    fn any_text_survives_being_sent(name in prop::sample::select(KNOWN.to_vec()), value in "[^\0]{1,100}") {
        let sent = super::params(&[(name, &value)], &KNOWN);
        prop_assert_eq!(sent.get(name), Some(value.as_str()));
        let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        prop_assert_eq!(decode(encoded.as_bytes()), Ok(value));
    }

    /// What is sealed into a ticket is read again as the same request.
    #[test]
    fn writing_and_reading_again_changes_nothing(pairs in vec((prop::sample::select(KNOWN.to_vec()), "[^\0]{0,30}"), 0..12)) {
        let mut names: Vec<&str> = vec![];
        let once: Vec<(&str, &str)> = pairs.iter()
            .filter(|(name, _)| *name == "resource" || { let new = !names.contains(name); names.push(name); new })
            .map(|(name, value)| (*name, value.as_str())).collect();
        let first = super::params(&once, &KNOWN);
        let again = Params::parse(first.encode().as_bytes(), &KNOWN).unwrap();
        prop_assert_eq!(&again, &first);
        prop_assert_eq!(again.encode(), first.encode());
    }

    /// With any input, the values kept are those an independent reader finds.
    #[test]
    fn a_second_reader_agrees(raw in "[a-c=&+%0-9é]{0,40}") {
        if let Ok(params) = Params::parse(raw.as_bytes(), &["a", "b"]) {
            for name in ["a", "b"] {
                let other = url::form_urlencoded::parse(raw.as_bytes())
                    .find(|(known, value)| known == name && !value.is_empty())
                    .map(|(_, value)| value.into_owned());
                prop_assert_eq!(params.get(name).map(str::to_owned), other);
            }
        }
    }
}
