//! Why a request failed, precisely: told once, and from there written to the log, kept for the client's
//! developer, and shown on the page in development mode. It never holds a secret, a code or a token.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::protocol::shown::Shown;

/// One sentence, the particulars it rests on, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What is wrong.
    #[serde(rename = "w")]
    pub what: Shown,
    /// What was sent, what is registered, and the like.
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
    /// What would mend it.
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
    /// A cause that needs no particulars yet.
    pub fn new(what: impl Into<Shown>) -> Cause {
        Cause { what: what.into(), facts: vec![], remedy: None }
    }

    /// Adds a particular.
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Cause {
        self.facts.push(Fact { name: name.into(), value: Shown::of(value) });
        self
    }

    /// Says what would mend it.
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
    /// Cut, because a text that is no literal may come from outside.
    fn from(what: String) -> Self {
        Cause::new(what)
    }
}

/// As it goes into the log: on one line, values quoted.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        for Fact { name, value } in &self.facts {
            write!(f, "; {name} {value:?}")?;
        }
        Ok(())
    }
}
