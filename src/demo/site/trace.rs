//! What just happened between browser, site and provider, kept as it happened and shown step by step.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Party {
    /// The person's browser.
    Browser,
    /// The site, as a server.
    Site,
    /// Countersign.
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
    /// Who asked.
    pub from: Party,
    /// Who answered.
    pub to: Party,
    /// Method and address, without parameters.
    pub line: String,
    /// What was sent along.
    pub sent: Vec<Pair>,
    /// The status of the answer.
    pub status: String,
    /// What came back.
    pub received: Vec<Pair>,
    /// A sentence why.
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

    /// The class of the little picture of who asked whom.
    pub fn lane(&self) -> String {
        format!("{}{}", self.from.letter(), self.to.letter())
    }

    /// Tells a step that ended well from one that did not.
    pub fn is_bad(&self) -> bool {
        self.status.starts_with(['4', '5']) || self.status == "refused"
    }
}

/// All steps of one thing that happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trace {
    /// What it was.
    pub title: String,
    /// When it was complete.
    #[serde(with = "time::serde::timestamp")]
    pub at: OffsetDateTime,
    /// The steps.
    pub steps: Vec<Step>,
}

/// The pairs as they may be shown and kept: what opens something is cut short, and the client's secret is
/// left out altogether.
fn shown(pairs: &[(&str, &str)]) -> Vec<Pair> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), shown_value(name, value))).collect()
}

fn shown_value(name: &str, value: &str) -> String {
    const SHORTENED: [&str; 6] =
        ["code", "code_verifier", "access_token", "id_token", "id_token_hint", "refresh_token"];
    match name {
        "client_secret" => "(never shown)".into(),
        "Authorization" => match value.split_once(' ') {
            Some(("Basic", _)) => "Basic (client_id and client_secret)".into(),
            Some((scheme, token)) => format!("{scheme} {}", shortened(token)),
            None => "(never shown)".into(),
        },
        name if SHORTENED.contains(&name) => shortened(value),
        _ => value.to_owned(),
    }
}

fn shortened(value: &str) -> String {
    let start: String = value.chars().take(6).collect();
    format!("{start}… ({} characters)", value.chars().count())
}
