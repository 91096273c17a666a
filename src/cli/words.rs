//! Comparing what people type, and showing what they typed.

use std::fmt::Write as _;

use crate::protocol::names::is_hidden;

/// Spells out what is not to be seen, so that a value stays on its line and is what it looks like. Inside JSON
/// such characters are only ever in strings, where this spelling means the same character.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The known word that was probably meant.
pub fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let typed: Vec<char> = typed.to_lowercase().chars().take(256).collect();
    let measured = known.map(|word| {
        let letters: Vec<char> = word.to_lowercase().chars().collect();
        let begins = typed.len() >= 4 && letters.starts_with(&typed);
        (if begins { 1 } else { distance(&typed, &letters) }, letters.len().max(typed.len()), word)
    });
    let (distance, length, word) = measured.min_by_key(|(distance, _, _)| *distance)?;
    (distance <= (length / 3).max(1)).then_some(word)
}

/// How many letters have to be added, dropped or changed to make one word of the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, letter) in a.iter().enumerate() {
        let (mut diagonal, mut left) = (line, line + 1);
        for (above, other) in row.iter_mut().skip(1).zip(b) {
            let changed = diagonal + usize::from(letter != other);
            diagonal = *above;
            left = changed.min(*above + 1).min(left + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or(a.len())
}
