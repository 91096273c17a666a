//! Changing anything at all makes a token worthless, and nothing makes the verifier panic.
//!
//! Holds `check.rs`.

use countersign_verifier::{Check, KeySet, decode_unverified, verify};
use data_encoding::BASE64URL_NOPAD;

use crate::signer::{API, ES256, ISSUER, NOW, all, at, b64, key_set};

fn refused(token: &str, keys: &KeySet) -> bool {
    verify(token, keys, &Check::access_token(ISSUER, API), at(NOW)).is_err()
}

#[test]
fn every_flipped_bit_of_every_part_is_refused() {
    let keys = key_set(all());
    for signer in all() {
        let token = signer.access_token();
        assert!(!refused(&token, &keys));
        let parts: Vec<_> =
            token.split('.').map(|part| BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).collect();
        for (index, part) in parts.iter().enumerate() {
            for position in 0..part.len() * 8 {
                let mut changed = parts.clone();
                changed[index][position / 8] ^= 1 << (position % 8);
                let changed: Vec<_> = changed.iter().map(|part| b64(part)).collect();
                assert!(refused(&changed.join("."), &keys), "{} part {index} bit {position}", signer.alg);
            }
        }
    }
}

#[test]
fn every_other_character_is_refused() {
    const OTHERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n";
    let (token, keys) = (ES256.access_token(), key_set(all()));
    let ends: Vec<_> = token.match_indices('.').map(|(dot, _)| dot - 1).chain([token.len() - 1]).collect();
    for (position, character) in token.char_indices() {
        let (before, rest) = token.split_at(position);
        let after = rest.strip_prefix(character).unwrap();
        // The last character of a part may carry bits that mean nothing: there, all others are tried.
        let step = if ends.contains(&position) { 1 } else { 7 };
        for other in OTHERS.chars().step_by(step).filter(|other| *other != character) {
            let changed = format!("{before}{other}{after}");
            assert!(refused(&changed, &keys), "{other:?} at {position}");
        }
        assert!(refused(&format!("{before}{after}"), &keys), "without the character at {position}");
    }
}

#[test]
fn noise_is_refused_without_panic() {
    let keys = key_set(all());
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let good = ES256.access_token().into_bytes();
    for _ in 0..4000 {
        let length = usize::try_from(random() % 200).unwrap();
        let noise: Vec<u8> = (0..length).map(|_| random().to_le_bytes()[0]).collect();
        let parts = [b64(&noise), b64(&random().to_le_bytes()), b64(&noise)];
        let text = String::from_utf8_lossy(&noise).into_owned();
        let mut spliced = good.clone();
        let cut = usize::try_from(random()).unwrap() % good.len();
        spliced.truncate(cut);
        spliced.extend(noise.iter().map(|byte| byte % 0x60 + 0x20));
        for token in [text, parts.join("."), String::from_utf8(spliced).unwrap()] {
            assert!(refused(&token, &keys));
            let _ = decode_unverified(&token);
            let _ = KeySet::from_json(token.as_bytes());
        }
    }
}
