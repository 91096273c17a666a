//! The words of the pages, one Fluent file per language, parsed once.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use time::{OffsetDateTime, UtcOffset};
use unic_langid::{CharacterDirection, LanguageIdentifier};

/// The languages the pages speak, each a line; English first, for it is what everything falls back to.
/// Names are tags of BCP 47.
#[rustfmt::skip]
const FILES: [(&str, &str); 2] = [
    ("en", include_str!("../templates/locales/en.ftl")),
    ("de", include_str!("../templates/locales/de.ftl")),
];

static LANGUAGES: LazyLock<[Language; FILES.len()]> =
    LazyLock::new(|| FILES.map(|(lang, source)| Language::parse(lang, source)));

/// The texts of one language; a cheap handle that every page carries.
///
/// What it returns is plain text: templates escape it like any other value, so an application's name may
/// safely be an argument.
#[derive(Clone, Copy, Debug)]
pub struct Texts(&'static Language);

impl Texts {
    /// Answers the texts everything falls back to.
    pub fn english() -> Self {
        let [english, ..] = &*LANGUAGES;
        Self(english)
    }

    /// Lists the texts of every language there is.
    pub fn all() -> impl Iterator<Item = Self> {
        LANGUAGES.iter().map(Self)
    }

    /// Answers the texts of the language with exactly this name.
    pub fn of(lang: &str) -> Option<Self> {
        Self::all().find(|texts| texts.lang() == lang)
    }

    /// Names every language there is.
    pub fn languages() -> [&'static str; FILES.len()] {
        FILES.map(|(lang, _)| lang)
    }

    /// Names the language, for the `lang` attribute.
    pub fn lang(self) -> &'static str {
        self.0.lang
    }

    /// Names the writing direction, for the `dir` attribute.
    pub fn dir(self) -> &'static str {
        self.0.dir
    }

    /// Tells whether a message exists.
    pub fn has(self, id: &str) -> bool {
        self.0.bundle.get_message(id).is_some_and(|message| message.value().is_some())
    }

    /// Answers a message that takes no arguments.
    pub fn get(self, id: &str) -> String {
        self.0.format(id, None)
    }

    /// Answers a message with its arguments filled in.
    ///
    /// A value written as a plain whole number also chooses the plural form; it is shown as it was given.
    pub fn with(self, id: &str, values: &[(&str, &str)]) -> String {
        let args: FluentArgs<'_> = values.iter().map(|(name, value)| (*name, argument(value))).collect();
        self.0.format(id, Some(&args))
    }

    /// Answers a message about an instant: `$day`, `$month`, `$year` and `$time`, all of them UTC, are its parts.
    pub fn at(self, id: &str, instant: OffsetDateTime) -> String {
        let utc = instant.to_offset(UtcOffset::UTC);
        let (day, month, year) = (utc.day(), u8::from(utc.month()), utc.year());
        let [day, month, year] = [day.to_string(), month.to_string(), year.to_string()];
        let time = format!("{:02}:{:02}", utc.hour(), utc.minute());
        self.with(id, &[("day", &day), ("month", &month), ("year", &year), ("time", &time)])
    }

    /// Lists what is wrong with the language file itself; empty in every released build.
    pub fn faults(self) -> &'static [String] {
        &self.0.faults
    }
}

struct Language {
    lang: &'static str,
    dir: &'static str,
    bundle: FluentBundle<FluentResource>,
    faults: Vec<String>,
}

impl std::fmt::Debug for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.lang)
    }
}

impl Language {
    /// Parses a language file. Faults are kept, not fatal: one bad line must not take the sign-in page down.
    fn parse(lang: &'static str, source: &str) -> Self {
        let mut faults = Vec::new();
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(usable, errors)| {
            faults.extend(errors.iter().map(ToString::to_string));
            usable
        });
        let id: LanguageIdentifier = lang.parse().unwrap_or_default();
        let dir = if id.character_direction() == CharacterDirection::RTL { "rtl" } else { "ltr" };
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        // Isolation marks would end up in titles and attributes, where they are shown as boxes.
        bundle.set_use_isolating(false);
        if let Err(errors) = bundle.add_resource(resource) {
            faults.extend(errors.iter().map(ToString::to_string));
        }
        Self { lang, dir, bundle, faults }
    }

    /// Formats a message; a missing one shows its id and is logged, for a page with one odd word is better
    /// than no page.
    fn format(&self, id: &str, args: Option<&FluentArgs<'_>>) -> String {
        let Some(pattern) = self.bundle.get_message(id).and_then(|message| message.value()) else {
            tracing::warn!(id, lang = self.lang, "text is missing");
            return id.to_owned();
        };
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, args, &mut errors).into_owned();
        if let Some(error) = errors.first() {
            tracing::warn!(id, lang = self.lang, %error, "text is incomplete");
        }
        text
    }
}

/// Reads `7` as a number and everything that would be shown differently as one (`007`, `1.0`) as text.
fn argument(value: &str) -> FluentValue<'_> {
    match value.parse::<u32>() {
        Ok(number) if number.to_string() == value => FluentValue::from(number),
        _ => FluentValue::from(value),
    }
}
