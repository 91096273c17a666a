//! `prompt`: which pages to show, or to show none.

use crate::protocol::cause::Cause;
use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;
use crate::protocol::request::{less_granted, wrong};

/// Reads the parameter.
///
/// Spec: OpenID Connect Core §3.1.2.1
pub fn read(params: &Params) -> Result<Prompt, Refusal> {
    const CONTRADICTION: &str = "prompt=none cannot be combined with another value";
    Prompt::parse(params.get("prompt"))
        .map_err(|Contradiction| wrong(params, "prompt", "invalid_request", CONTRADICTION))
}

/// The part of the parameter that is ignored.
pub fn narrowed(params: &Params) -> Option<Cause> {
    let asked = params.get("prompt").unwrap_or_default();
    let (known, unknown): (Vec<&str>, Vec<&str>) =
        values(asked).partition(|value| Prompt::SUPPORTED.contains(value));
    let reasons = [("not known here", unknown.as_slice())];
    let cause = less_granted("a part of the prompt is ignored", asked, known.join(" "), &reasons)?;
    Some(cause.mend(format!("the values are: {}", Prompt::SUPPORTED.join(" "))))
}

/// The parsed `prompt` parameter; unknown values are ignored.
///
/// Spec: OpenID Connect Core §3.1.2.1
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a value of the parameter")]
pub struct Prompt {
    /// Show no page: succeed or fail at once.
    pub none: bool,
    /// The person authenticates again.
    pub login: bool,
    /// The person is asked for consent again.
    pub consent: bool,
    /// The person chooses the account.
    pub select_account: bool,
}

/// `none` was combined with another value, which is a contradiction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradiction;

impl Prompt {
    /// The supported values, as discovery lists them.
    pub const SUPPORTED: [&str; 4] = ["none", "login", "consent", "select_account"];

    /// Reads the space-separated list.
    pub fn parse(text: Option<&str>) -> Result<Prompt, Contradiction> {
        let values: Vec<&str> = values(text.unwrap_or_default()).collect();
        let has = |value: &str| values.contains(&value);
        let prompt = Prompt {
            none: has("none"),
            login: has("login"),
            consent: has("consent"),
            select_account: has("select_account"),
        };
        if prompt.none && values.iter().any(|value| *value != "none") {
            Err(Contradiction)
        } else {
            Ok(prompt)
        }
    }
}

fn values(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|value| !value.is_empty())
}
