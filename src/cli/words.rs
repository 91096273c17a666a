//! Comparing and checking what people type.

/// Tells whether a character is not to be seen: it acts on terminals, or turns the direction of text, so
/// that a name would not look like what it is.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{FEFF}')
        || matches!(c, '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}')
}

/// Spells out what is not to be seen, so that a value stays on its line and is what it looks like.
pub fn visible(text: &str) -> String {
    let spelled = |c: char| if is_hidden(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    text.chars().map(spelled).collect()
}

/// Refuses hidden characters in a name that people will be shown.
pub fn check_visible(what: &str, text: &str) -> anyhow::Result<()> {
    match text.chars().find(|c| is_hidden(*c)) {
        None => Ok(()),
        Some(c) => anyhow::bail!("{what} must not contain the invisible character U+{:04X}", u32::from(c)),
    }
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
