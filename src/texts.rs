//! The texts of the pages: one Fluent file per language, parsed once.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use time::{OffsetDateTime, UtcOffset};
use unic_langid::{CharacterDirection, LanguageIdentifier};

/// The languages of the pages, by BCP 47 tag. The first one, English, is the fallback.
#[rustfmt::skip]
const FILES: [(&str, &str); 2] = [
    ("en", include_str!("../templates/locales/en.ftl")),
    ("de", include_str!("../templates/locales/de.ftl")),
];

static LANGUAGES: LazyLock<[Language; FILES.len()]> =
    LazyLock::new(|| FILES.map(|(lang, source)| Language::parse(lang, source)));

/// The texts of one language; cheap to copy.
///
/// All results are plain text that templates escape, so names of applications are safe as arguments.
#[derive(Clone, Copy, Debug)]
pub struct Texts(&'static Language);

impl Texts {
    /// The texts of the fallback language.
    pub fn english() -> Self {
        let [english, ..] = &*LANGUAGES;
        Self(english)
    }

    /// The texts of every language.
    pub fn all() -> impl Iterator<Item = Self> {
        LANGUAGES.iter().map(Self)
    }

    /// The texts of the language with exactly this tag.
    pub fn of(lang: &str) -> Option<Self> {
        Self::all().find(|texts| texts.lang() == lang)
    }

    /// The tags of all languages.
    pub fn languages() -> [&'static str; FILES.len()] {
        FILES.map(|(lang, _)| lang)
    }

    /// The tag of the language, for the `lang` attribute.
    pub fn lang(self) -> &'static str {
        self.0.lang
    }

    /// The writing direction, for the `dir` attribute.
    pub fn dir(self) -> &'static str {
        self.0.dir
    }

    /// Tells whether a message exists.
    pub fn has(self, id: &str) -> bool {
        self.0.bundle.get_message(id).is_some_and(|message| message.value().is_some())
    }

    /// A message without arguments.
    pub fn get(self, id: &str) -> String {
        self.0.format(id, None)
    }

    /// A message with its arguments.
    ///
    /// A whole number as value also selects the plural form; it is displayed as given.
    pub fn with(self, id: &str, values: &[(&str, &str)]) -> String {
        let args: FluentArgs<'_> = values.iter().map(|(name, value)| (*name, argument(value))).collect();
        self.0.format(id, Some(&args))
    }

    /// A message about an instant, with the arguments `$day`, `$month`, `$year` and `$time` in UTC.
    pub fn at(self, id: &str, instant: OffsetDateTime) -> String {
        let utc = instant.to_offset(UtcOffset::UTC);
        let (day, month, year) = (utc.day(), u8::from(utc.month()), utc.year());
        let [day, month, year] = [day.to_string(), month.to_string(), year.to_string()];
        let time = format!("{:02}:{:02}", utc.hour(), utc.minute());
        self.with(id, &[("day", &day), ("month", &month), ("year", &year), ("time", &time)])
    }

    /// The syntax errors of the language file; a test keeps them empty.
    pub fn errors(self) -> &'static [String] {
        &self.0.errors
    }
}

struct Language {
    lang: &'static str,
    dir: &'static str,
    bundle: FluentBundle<FluentResource>,
    errors: Vec<String>,
}

impl std::fmt::Debug for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.lang)
    }
}

impl Language {
    /// Parses a language file. Errors are recorded, not fatal: one bad line must not break the sign-in page.
    fn parse(lang: &'static str, source: &str) -> Self {
        let mut found = Vec::new();
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(usable, errors)| {
            found.extend(errors.iter().map(ToString::to_string));
            usable
        });
        let id: LanguageIdentifier = lang.parse().unwrap_or_default();
        let dir = if id.character_direction() == CharacterDirection::RTL { "rtl" } else { "ltr" };
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        // Isolation marks would be displayed as boxes in titles and attributes.
        bundle.set_use_isolating(false);
        if let Err(errors) = bundle.add_resource(resource) {
            found.extend(errors.iter().map(ToString::to_string));
        }
        Self { lang, dir, bundle, errors: found }
    }

    /// Formats a message. A missing one is logged and its id is displayed, so that the page still works.
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

/// Takes `7` as a number, and a value that would be displayed differently as a number (`007`, `1.0`) as text.
fn argument(value: &str) -> FluentValue<'_> {
    match value.parse::<u32>() {
        Ok(number) if number.to_string() == value => FluentValue::from(number),
        _ => FluentValue::from(value),
    }
}
