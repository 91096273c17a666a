//! Text from outside, cut and escaped for logs, failure records and development pages.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// The longest text from outside that is kept, in characters.
pub const LONGEST: usize = 300;

/// Text that is safe to log: cut to 300 characters when it is made, control characters escaped when it is
/// displayed. Failures and causes hold nothing else that comes from a request, so that the length of a log
/// line does not depend on the request. Fixed texts of the program are kept whole.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Shown(Cow<'static, str>);

impl Shown {
    /// Keeps the beginning of a text; the rest is not formatted into memory.
    pub fn of(text: impl fmt::Display) -> Shown {
        let mut cut = Cut { kept: String::new(), left: LONGEST };
        // The writer ends the formatting when it is full; that is no error.
        let _full = write!(cut, "{text}");
        Shown(Cow::Owned(cut.kept))
    }
}

/// Takes characters until the limit, then an ellipsis and nothing more.
struct Cut {
    kept: String,
    left: usize,
}

impl fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let beyond = text.char_indices().nth(self.left);
        let Some((kept, _)) = beyond.and_then(|(end, _)| text.split_at_checked(end)) else {
            self.kept.push_str(text);
            self.left -= text.chars().count();
            return Ok(());
        };
        self.kept.extend([kept, "…"]);
        self.left = 0;
        Err(fmt::Error)
    }
}

impl From<&'static str> for Shown {
    fn from(text: &'static str) -> Shown {
        Shown(Cow::Borrowed(text))
    }
}

impl From<String> for Shown {
    fn from(text: String) -> Shown {
        if text.len() <= LONGEST { Shown(Cow::Owned(text)) } else { Shown::of(text) }
    }
}

/// The text as it was sent, cut.
impl Deref for Shown {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(is_unsafe) {
            match part.char_indices().next_back().filter(|(_, c)| is_unsafe(*c)) {
                Some((end, c)) => write!(f, "{}{}", part.get(..end).unwrap_or_default(), c.escape_default())?,
                None => f.write_str(part)?,
            }
        }
        Ok(())
    }
}

/// In quotation marks, as a string literal.
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Tells whether a character ends a line, moves the cursor or turns the direction of writing.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
}
