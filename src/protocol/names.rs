//! Names: which characters they may have, and when two of them look alike. Applies to everything that people
//! are shown as a name, whatever way it came in.

use std::collections::BTreeSet;
use std::fmt;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use unicode_security::{GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection};

/// The most characters a login name has.
const LONGEST: usize = 128;
/// What a login name may have beside letters, digits and the like.
const PUNCTUATION: [char; 6] = ['.', '-', '_', '@', '+', '\''];

/// The version of the tables that folded names and skeletons are made with. Another version makes others.
pub fn tables_version() -> String {
    let (major, minor, update) = unicode_security::UNICODE_VERSION;
    format!("{major}.{minor}.{update}")
}

/// Tells whether a character takes no part in what text looks like, or would act on a terminal or turn the
/// direction of text: with it a name would not be what it looks like.
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

/// A skeleton leaves out exactly the characters that are ignorable by default, the controls of direction among
/// them.
fn is_ignorable(c: char) -> bool {
    !c.is_ascii() && unicode_security::skeleton(c.encode_utf8(&mut [0; 4])).next().is_none()
}

/// Leaves out of a name that people are shown what has no looks of its own: joiners, selectors and the like. In
/// other than login names they are no fault. Says in one sentence what was left out, if anything was; `what` is the
/// name's kind.
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

/// Folds text to the form in which names are compared: compatible forms are one, without case, without
/// what is ignorable.
///
/// Spec: Unicode §3.13.5 (`toNFKC_Casefold`)
pub fn fold(typed: &str) -> String {
    if typed.is_ascii() {
        return typed.to_ascii_lowercase();
    }
    typed.nfkc().filter(|c| !is_ignorable(*c)).default_case_fold().nfkc().collect()
}

/// Why a name cannot become a login name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginFault {
    /// It has too many characters, or none.
    #[error("a login name has 1 to {LONGEST} characters")]
    Length,
    /// A character of it is not to be seen.
    #[error("a login name must not contain the invisible character {}", Spelled(*.0))]
    Hidden(char),
    /// A character of it belongs in no identifier.
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
    /// Another person signs in by it.
    #[error("{0:?} is the verified e-mail address of another person, who signs in with it")]
    Address(String),
}

/// A login name with all the forms in which it is unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginName {
    shown: String,
    folded: String,
}

impl LoginName {
    /// Takes a name for a new or renamed account. White space around it does not count.
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
        // To the table of scripts a character such as @ is none that an identifier has.
        let letters: String = shown.chars().filter(|c| c.identifier_allowed()).collect();
        if !letters.as_str().check_restriction_level(RestrictionLevel::HighlyRestrictive) {
            return Err(LoginFault::Scripts);
        }
        let folded = fold(&shown);
        Ok(LoginName { shown, folded })
    }

    /// As people are shown it.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The form in which login names are compared.
    pub fn folded(&self) -> &str {
        &self.folded
    }
}

/// What a login name looks like: two names that share a skeleton can be taken for one another. Both forms of a
/// name have one, because case changes looks: `Ivan` is shown like `lvan`, and `ivan` is not. Skeletons have no
/// case, because names have none.
///
/// Spec: UTS 39 §4
pub fn skeletons(login: &str) -> BTreeSet<String> {
    let made = |form: &str| fold(&unicode_security::skeleton(form.trim()).collect::<String>());
    BTreeSet::from([made(login), made(&fold(login))])
}

/// A character as its code point, and as itself where that can be seen.
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
