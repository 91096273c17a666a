//! User codes: what a device shows and a person enters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The letters of a code: no vowels, so that codes are no words, and none that is mistaken for another or for a digit.
///
/// Spec: RFC 8628 §6.1
const LETTERS: [char; 20] =
    ['B', 'C', 'D', 'F', 'G', 'H', 'J', 'K', 'L', 'M', 'N', 'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Z'];
/// The number of letters.
pub const LENGTH: usize = 8;
/// The first byte that stands for no letter: every letter stands for the same number of bytes below it.
const BEYOND: u8 = 240;
/// The letters of each half, between which a hyphen is shown.
const HALF: usize = LENGTH / 2;

/// A user code, in its normal form: eight of the letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserCode(String);

/// What is wrong with a typed code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistyped {
    /// Nothing was typed.
    Missing,
    /// This character is in no code.
    Character(char),
    /// There are this many letters.
    Length(usize),
}

impl UserCode {
    /// Makes a code from bytes of chance: each stands for a letter, or for none, so that all letters are equally likely.
    /// None if there are too few.
    pub fn from_bytes(bytes: &[u8]) -> Option<UserCode> {
        let letters = bytes.iter().filter(|byte| **byte < BEYOND);
        let letters = letters.filter_map(|byte| LETTERS.get(usize::from(*byte) % LETTERS.len()));
        let code: String = letters.take(LENGTH).collect();
        (code.len() == LENGTH).then_some(UserCode(code))
    }

    /// Reads a typed code. Case, spaces, hyphens and dashes do not matter. No character is taken for another one: no letter
    /// of a code looks like one that is in none.
    ///
    /// Spec: RFC 8628 §6.1
    pub fn parse(typed: &str) -> Result<UserCode, Mistyped> {
        let is_between =
            |c: &char| c.is_whitespace() || matches!(c, '-' | '_' | '\u{2010}'..='\u{2015}' | '−');
        let mut code = String::new();
        let mut count = 0;
        for typed in typed.chars().filter(|c| !is_between(c)) {
            let letter = typed.to_ascii_uppercase();
            if !LETTERS.contains(&letter) {
                return Err(Mistyped::Character(typed));
            }
            count += 1;
            if count <= LENGTH {
                code.push(letter);
            }
        }
        match count {
            LENGTH => Ok(UserCode(code)),
            0 => Err(Mistyped::Missing),
            _ => Err(Mistyped::Length(count)),
        }
    }

    /// The letters, without the hyphen.
    pub fn letters(&self) -> &str {
        &self.0
    }
}

/// The form in which a code is shown: two halves with a hyphen between them.
impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at_checked(HALF).unwrap_or((&self.0, ""));
        write!(f, "{first}-{second}")
    }
}
