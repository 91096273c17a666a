//! Comparing and showing typed text.

use std::fmt::Write as _;

use crate::protocol::names::is_hidden;

/// Escapes invisible characters, so that a value stays on its line and is what it looks like. In JSON such characters
/// occur in strings alone, where the escape means the same character.
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

/// The nearest known word, if one is near enough.
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

/// The edit distance of two words: letters added, dropped or changed.
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
