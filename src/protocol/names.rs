//! Names: which characters they may have, and when two of them look alike. Applies to everything that people
//! are shown as a name.

use std::collections::BTreeSet;
use std::fmt;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use unicode_security::{GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection};

/// The maximum length of a login name, in characters.
const LONGEST: usize = 128;
/// The punctuation that a login name may have.
const PUNCTUATION: [char; 6] = ['.', '-', '_', '@', '+', '\''];

/// The version of the Unicode tables behind folded names and skeletons. Another version may produce others.
pub fn tables_version() -> String {
    let (major, minor, update) = unicode_security::UNICODE_VERSION;
    format!("{major}.{minor}.{update}")
}

/// Tells whether a character is invisible, acts on a terminal, or changes the direction of text: a name with
/// it would not be what it looks like.
///
/// Spec: Unicode `Default_Ignorable_Code_Point`, UTS 39 §2.1
pub fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    // BRAILLE PATTERN BLANK is a symbol without ink; the interlinear marks hide what they annotate.
    let is_blank = matches!(c, '\u{2800}' | '\u{2028}' | '\u{2029}' | '\u{FFF9}'..='\u{FFFB}');
    is_blank || c.is_control() || is_ignorable(c)
}

/// A skeleton leaves out exactly the characters that are ignorable by default, the controls of direction
/// among them.
fn is_ignorable(c: char) -> bool {
    !c.is_ascii() && unicode_security::skeleton(c.encode_utf8(&mut [0; 4])).next().is_none()
}

/// Removes invisible characters from a name that is shown to people: joiners, selectors and the like. Only
/// login names refuse them. Returns one sentence that lists what was removed; `what` is the kind of name.
///
/// Spec: Unicode `Default_Ignorable_Code_Point`
pub fn clean(what: &str, text: &mut String) -> Option<String> {
    let has_no_looks = |c: char| c == '\u{2800}' || is_ignorable(c);
    if text.is_ascii() {
        return None;
    }
    let out: BTreeSet<char> = text.chars().filter(|c| has_no_looks(*c)).collect();
    if out.is_empty() {
        return None;
    }
    let left: String = text.chars().filter(|c| !has_no_looks(*c)).collect();
    left.trim().clone_into(text);
    let out: Vec<String> = out.into_iter().map(|c| Spelled(c).to_string()).collect();
    Some(format!("left out of {what} what is invisible: {}", out.join(", ")))
}

/// A character that cannot be seen, in a text that people are shown. Its sentence goes on after the text's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must not contain the invisible character {}", Spelled(*.0))]
pub struct HiddenCharacter(pub char);

/// Refuses a text that people will be shown if a character of it is hidden.
pub fn check_shown(text: &str) -> Result<(), HiddenCharacter> {
    text.chars().find(|c| is_hidden(*c)).map_or(Ok(()), |c| Err(HiddenCharacter(c)))
}

/// Folds text to the form in which names are compared: compatible forms are equal, case and ignorable
/// characters are removed.
///
/// Spec: Unicode §3.13.5 (`toNFKC_Casefold`)
pub fn fold(typed: &str) -> String {
    if typed.is_ascii() {
        return typed.to_ascii_lowercase();
    }
    typed.nfkc().filter(|c| !is_ignorable(*c)).default_case_fold().nfkc().collect()
}

/// Why a text cannot become a login name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginFault {
    /// It is empty or too long.
    #[error("a login name has 1 to {LONGEST} characters")]
    Length,
    /// It contains an invisible character.
    #[error("a login name must not contain the invisible character {}", Spelled(*.0))]
    Hidden(char),
    /// It contains a character that identifiers cannot have.
    #[error("a login name must not contain {}: it has letters, digits and . - _ @ + '", Spelled(*.0))]
    Character(char),
    /// It mixes scripts.
    #[error("a login name must not mix scripts whose letters look alike, such as Latin and Cyrillic")]
    Scripts,
    /// Another account has it.
    #[error("the login name {0:?} is taken (case does not count)")]
    Taken(String),
    /// Another account has one that looks like it.
    #[error("the login name looks like {0:?}, which is taken")]
    Resembles(String),
    /// Another person signs in with it.
    #[error("{0:?} is the verified e-mail address of another person, who signs in with it")]
    Address(String),
}

/// A login name, with the forms in which it is unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginName {
    shown: String,
    folded: String,
}

impl LoginName {
    /// Accepts a name for a new or renamed account. White space around it is ignored.
    ///
    /// Spec: UTS 39 §3.1 (`Identifier_Status`), §5.2 (highly restrictive)
    pub fn parse(typed: &str) -> Result<LoginName, LoginFault> {
        let typed = typed.trim();
        if let Some(hidden) = typed.chars().find(|c| is_hidden(*c)) {
            return Err(LoginFault::Hidden(hidden));
        }
        let shown: String = typed.nfkc().collect::<String>().trim().to_owned();
        if !(1..=LONGEST).contains(&shown.chars().count()) {
            return Err(LoginFault::Length);
        }
        let fits = |c: char| PUNCTUATION.contains(&c) || c.identifier_allowed();
        if let Some(other) = shown.chars().find(|c| !fits(*c)) {
            return Err(LoginFault::Character(other));
        }
        // The table of scripts covers identifier characters only, and `@` is none.
        let letters: String = shown.chars().filter(|c| c.identifier_allowed()).collect();
        if !letters.as_str().check_restriction_level(RestrictionLevel::HighlyRestrictive) {
            return Err(LoginFault::Scripts);
        }
        let folded = fold(&shown);
        Ok(LoginName { shown, folded })
    }

    /// The name as it is shown to people.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The form in which login names are compared.
    pub fn folded(&self) -> &str {
        &self.folded
    }
}

/// The skeleton of a login name: two names with one skeleton can be mistaken for each other. Both forms of a
/// name have one, because case changes the look: `Ivan` looks like `lvan`, and `ivan` does not. Skeletons
/// have no case, because names have none.
///
/// Spec: UTS 39 §4
pub fn skeletons(login: &str) -> BTreeSet<String> {
    let made = |form: &str| fold(&unicode_security::skeleton(form.trim()).collect::<String>());
    BTreeSet::from([made(login), made(&fold(login))])
}

/// A character as its code point, and as itself if it is visible.
struct Spelled(char);

impl fmt::Display for Spelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spelled(c) = *self;
        write!(f, "U+{:04X}", u32::from(c))?;
        match c {
            c if is_hidden(c) => Ok(()),
            c if c.is_whitespace() => f.write_str(" (a space)"),
            c => write!(f, " ({c})"),
        }
    }
}
