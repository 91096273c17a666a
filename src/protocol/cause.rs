//! The precise cause of a failed request. It goes to the log, to the failure record for the client's
//! developer and, in development mode, to the page. It never contains a secret, a code or a token.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::protocol::shown::Shown;

/// One sentence, its particulars, and a remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What is wrong.
    #[serde(rename = "w")]
    pub what: Shown,
    /// Particulars, such as what was sent and what is registered.
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
    /// The remedy.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Shown>,
}

/// A particular with its name, such as `sent` or `registered`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Its name.
    #[serde(rename = "n")]
    pub name: Cow<'static, str>,
    /// Its value.
    #[serde(rename = "v")]
    pub value: Shown,
}

impl Cause {
    /// A cause without particulars.
    pub fn new(what: impl Into<Shown>) -> Cause {
        Cause { what: what.into(), facts: vec![], remedy: None }
    }

    /// Adds a particular.
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Cause {
        self.facts.push(Fact { name: name.into(), value: Shown::of(value) });
        self
    }

    /// Adds the remedy.
    pub fn mend(self, remedy: impl Into<Shown>) -> Cause {
        Cause { remedy: Some(remedy.into()), ..self }
    }
}

impl From<&'static str> for Cause {
    fn from(what: &'static str) -> Self {
        Cause::new(what)
    }
}

impl From<String> for Cause {
    /// Cuts the text, because a text that is no literal may come from outside.
    fn from(what: String) -> Self {
        Cause::new(what)
    }
}

/// The form for the log: one line, with quoted values.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        for Fact { name, value } in &self.facts {
            write!(f, "; {name} {value:?}")?;
        }
        Ok(())
    }
}
