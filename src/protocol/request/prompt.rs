//! `prompt`: what a Relying Party asks us to show, or not to show.

use crate::protocol::cause::Cause;
use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;
use crate::protocol::request::wrong;

/// Reads the parameter.
///
/// Spec: OpenID Connect Core §3.1.2.1
pub fn read(params: &Params) -> Result<Prompt, Refusal> {
    const CONTRADICTION: &str = "prompt=none cannot be combined with another value";
    Prompt::parse(params.get("prompt"))
        .map_err(|Contradiction| wrong(params, "prompt", "invalid_request", CONTRADICTION))
}

/// What of the parameter is ignored.
pub fn narrowed(params: &Params) -> Option<Cause> {
    let asked = params.get("prompt");
    let unknown: Vec<&str> = Prompt::unknown(asked).collect();
    if unknown.is_empty() {
        return None;
    }
    let asked = asked.unwrap_or_default();
    let known: Vec<&str> = asked.split(' ').filter(|value| Prompt::SUPPORTED.contains(value)).collect();
    let cause = Cause::new("a part of the prompt is ignored").with("asked for", asked);
    let cause = cause.with("granted", known.join(" "));
    let cause = cause.with("because", format!("not known here: {}", unknown.join(" ")));
    Some(cause.mend(format!("the values are: {}", Prompt::SUPPORTED.join(" "))))
}
/// The `prompt` parameter; values we do not know are ignored.
///
/// Spec: OpenID Connect Core §3.1.2.1
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a value of the parameter")]
pub struct Prompt {
    /// Show nothing: succeed or fail at once.
    pub none: bool,
    /// The person authenticates again.
    pub login: bool,
    /// The person is asked for consent again.
    pub consent: bool,
    /// The person chooses the account.
    pub select_account: bool,
}

/// `none` was given together with another value, which contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradiction;

impl Prompt {
    /// The values that do something here, as discovery lists them.
    pub const SUPPORTED: [&str; 4] = ["none", "login", "consent", "select_account"];

    /// The values that are ignored because nothing here knows them.
    pub fn unknown(text: Option<&str>) -> impl Iterator<Item = &str> {
        values(text).filter(|value| !Prompt::SUPPORTED.contains(value))
    }

    /// Reads the space-separated list.
    pub fn parse(text: Option<&str>) -> Result<Prompt, Contradiction> {
        let values: Vec<&str> = values(text).collect();
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

fn values(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default().split(' ').filter(|value| !value.is_empty())
}
