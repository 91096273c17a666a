//! What a Relying Party asks us to show, or not to show.

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
