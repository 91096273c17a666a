//! Texts in several languages: of a client in its metadata, of a scope in the configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::protocol::locales::lookup;
use crate::protocol::names::clean;

/// The members that are texts for people, or addresses of such texts.
///
/// Spec: RFC 7591 §2.2
const LOCALIZABLE: [&str; 4] = ["client_name", "client_uri", "policy_uri", "tos_uri"];

/// Members in further languages, under their names as registered, such as `client_name#de`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Localized(BTreeMap<String, String>);

impl Localized {
    /// The text of a member in the language of a page: in exactly this one, in its general form, or in a
    /// regional form of it.
    ///
    /// Spec: RFC 7591 §2.2
    pub fn get(&self, name: &str, lang: &str) -> Option<&str> {
        nearest(self.iter().filter(|(known, ..)| *known == name).map(|(_, tag, text)| (tag, text)), lang)
    }

    /// All members: the name, the language, the text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0.iter().filter_map(|(name, text)| split(name).map(|(name, tag)| (name, tag, text.as_str())))
    }
}

/// Takes all members it is given and keeps its own: others belong to later versions.
impl<'de> Deserialize<'de> for Localized {
    fn deserialize<D: Deserializer<'de>>(members: D) -> Result<Self, D::Error> {
        let members = BTreeMap::<String, Value>::deserialize(members)?;
        let mut texts = BTreeMap::new();
        for (name, text) in members {
            let (Some((plain, _)), Value::String(mut text)) = (split(&name), text) else { continue };
            if plain == "client_name" {
                clean(&name, &mut text);
            }
            texts.insert(name, text);
        }
        Ok(Localized(texts))
    }
}

/// The text for the language of a page, among texts with language tags: in exactly this one, in its general
/// form, or in a regional form of it.
pub fn nearest<'a>(texts: impl Iterator<Item = (&'a str, &'a str)>, lang: &str) -> Option<&'a str> {
    let texts: Vec<(&str, &str)> = texts.collect();
    let general = |tag: &str| tag.split('-').next().is_some_and(|part| part.eq_ignore_ascii_case(lang));
    let best = lookup([lang], &texts.iter().map(|(tag, _)| *tag).collect::<Vec<_>>());
    let best = best.or_else(|| texts.iter().map(|(tag, _)| *tag).find(|tag| general(tag)))?;
    texts.iter().find(|(tag, _)| *tag == best).map(|(_, text)| *text)
}

/// Splits the name of such a member; none for other names and for invalid language tags.
///
/// Spec: RFC 7591 §2.2
pub fn split(name: &str) -> Option<(&str, &str)> {
    let (name, tag) = name.split_once('#')?;
    (LOCALIZABLE.contains(&name) && is_tag(tag)).then_some((name, tag))
}

/// Tells whether a text can be a language tag.
///
/// Spec: RFC 5646 §2.1
pub fn is_tag(tag: &str) -> bool {
    let fits = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let first = tag.split('-').next().is_some_and(|part| (2..=8).contains(&part.len()));
    first && tag.len() <= 35 && tag.split('-').all(fits)
}
