//! The trace: the requests between browser, site and provider, displayed step by step.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A party of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Party {
    /// The browser.
    Browser,
    /// The site.
    Site,
    /// The provider.
    Provider,
}

impl Party {
    fn letter(self) -> char {
        match self {
            Party::Browser => 'b',
            Party::Site => 's',
            Party::Provider => 'p',
        }
    }
}

/// Name and value.
pub type Pair = (String, String);

/// One request and its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// The party that sent the request.
    pub from: Party,
    /// The party that answered.
    pub to: Party,
    /// Method and address, without parameters.
    pub line: String,
    /// The parameters.
    pub sent: Vec<Pair>,
    /// The status of the answer.
    pub status: String,
    /// The members of the answer.
    pub received: Vec<Pair>,
    /// The explanation.
    pub why: String,
}

impl Step {
    pub(super) fn new(from: Party, to: Party, line: impl Into<String>, why: impl Into<String>) -> Step {
        Step {
            from,
            to,
            line: line.into(),
            sent: vec![],
            status: String::new(),
            received: vec![],
            why: why.into(),
        }
    }

    pub(super) fn sent(mut self, pairs: &[(&str, &str)]) -> Step {
        self.sent = shown(pairs);
        self
    }

    pub(super) fn answered(mut self, status: impl Into<String>, pairs: &[(&str, &str)]) -> Step {
        self.status = status.into();
        self.received = shown(pairs);
        self
    }

    /// The CSS class of the two parties.
    pub fn lane(&self) -> String {
        format!("{}{}", self.from.letter(), self.to.letter())
    }

    /// Tells whether the step failed.
    pub fn is_bad(&self) -> bool {
        self.status.starts_with(['4', '5']) || self.status == "refused"
    }
}

/// The steps of one event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trace {
    /// The title.
    pub title: String,
    /// When it was complete.
    #[serde(with = "time::serde::timestamp")]
    pub at: OffsetDateTime,
    /// The steps.
    pub steps: Vec<Step>,
}

/// The pairs as they may be stored and displayed: credentials are shortened, the client secret is left out.
fn shown(pairs: &[(&str, &str)]) -> Vec<Pair> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), shown_value(name, value))).collect()
}

fn shown_value(name: &str, value: &str) -> String {
    const SHORTENED: [&str; 5] = ["code", "code_verifier", "access_token", "id_token", "id_token_hint"];
    match name {
        "client_secret" => "(never shown)".into(),
        "Authorization" => match value.split_once(' ') {
            Some((scheme, token)) => format!("{scheme} {}", shortened(token)),
            None => "(never shown)".into(),
        },
        "refresh_token" => shortened_to_end(value),
        name if SHORTENED.contains(&name) => shortened(value),
        _ => value.to_owned(),
    }
}

fn shortened(value: &str) -> String {
    let start: String = value.chars().take(6).collect();
    format!("{start}… ({} characters)", value.chars().count())
}

/// The end of a refresh token. Its beginning names the grant, and all tokens of a grant share it.
fn shortened_to_end(value: &str) -> String {
    let length = value.chars().count();
    let end: String = value.chars().skip(length.saturating_sub(6)).collect();
    format!("…{end} ({length} characters)")
}
