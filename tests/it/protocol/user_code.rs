//! User codes: how they are made, typed and shown.

use countersign::protocol::user_code::{Mistyped, UserCode};
use proptest::prelude::*;

const LETTERS: &str = "BCDFGHJKLMNPQRSTVWXZ";

#[test]
fn a_typed_code_is_read_as_it_was_meant() {
    let right = UserCode::parse("BCDFGHJK").unwrap();
    assert_eq!((right.letters(), right.to_string().as_str()), ("BCDFGHJK", "BCDF-GHJK"));
    for (typed, expected) in [
        ("BCDF-GHJK", Ok(&right)),
        ("bcdf-ghjk", Ok(&right)),
        (" b c d f g h j k ", Ok(&right)),
        ("BCDF–GHJK", Ok(&right)),
        ("BCDF\u{a0}GHJK", Ok(&right)),
        ("B-C-D-F-G-H-J-K-", Ok(&right)),
        ("", Err(Mistyped::Missing)),
        (" - ", Err(Mistyped::Missing)),
        ("BCDF-GHJ", Err(Mistyped::Length(7))),
        ("BCDF-GHJKL", Err(Mistyped::Length(9))),
        // No character stands for another one.
        ("BCDF-GHJ1", Err(Mistyped::Character('1'))),
        ("BCDF-GHJ0", Err(Mistyped::Character('0'))),
        ("aBCD-FGHJ", Err(Mistyped::Character('a'))),
        ("BCDF-GHJY", Err(Mistyped::Character('Y'))),
        ("BCDF/GHJK", Err(Mistyped::Character('/'))),
        // Letters of other scripts that look alike, or fold to one of ours.
        ("ΒCDF-GHJK", Err(Mistyped::Character('Β'))),
        ("BCDF-GHJK\u{212a}", Err(Mistyped::Character('\u{212a}'))),
        ("ＢCDF-GHJK", Err(Mistyped::Character('Ｂ'))),
        ("BCDF\u{0}GHJK", Err(Mistyped::Character('\u{0}'))),
    ] {
        assert_eq!(UserCode::parse(typed).as_ref().map_err(|why| *why), expected, "{typed:?}");
    }
}

/// Every letter stands for as many bytes as every other, and some bytes for none.
#[test]
fn all_letters_are_equally_likely() {
    let mut counts = [0; 20];
    for byte in 0..=u8::MAX {
        if let Some(code) = UserCode::from_bytes(&[byte; 8]) {
            let first = code.letters().chars().next().unwrap();
            counts[LETTERS.find(first).unwrap()] += 1;
        } else {
            assert!(byte >= 240, "{byte}");
        }
    }
    assert_eq!(counts, [12; 20]);
    assert_eq!(UserCode::from_bytes(&[0; 7]), None);
    assert_eq!(UserCode::from_bytes(&[255, 0, 0, 0, 0, 0, 0, 0, 1]).unwrap().letters(), "BBBBBBBC");
}

proptest! {
    #[test]
    fn what_is_shown_can_be_typed(bytes in any::<[u8; 32]>()) {
        if let Some(code) = UserCode::from_bytes(&bytes) {
            prop_assert_eq!(UserCode::parse(&code.to_string()), Ok(code.clone()));
            prop_assert!(code.letters().chars().all(|letter| LETTERS.contains(letter)));
        }
    }

    #[test]
    fn anything_can_be_typed(typed in any::<String>()) {
        if let Ok(code) = UserCode::parse(&typed) {
            prop_assert_eq!(code.letters().len(), 8);
        }
    }
}
