//! A person's account.

use caseless::Caseless;
use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use crate::protocol::scope::{STANDARD, Scope};

/// A person who can sign in.
#[derive(Clone, Debug)]
pub struct User {
    /// Random and stable, never reassigned: the public `sub`.
    pub id: String,
    /// The login name as typed when the account was made.
    pub login: String,
    /// A disabled account cannot sign in and its tokens are refused wherever live state is asked.
    pub disabled: bool,
    /// What is known about the person, by claim name.
    pub claims: Map<String, Value>,
}

impl User {
    /// The name to greet the person by.
    pub fn display_name(&self) -> &str {
        self.claims.get("name").and_then(Value::as_str).unwrap_or(&self.login)
    }

    /// Tells whether a hint means this person: by login name, or by e-mail address.
    ///
    /// Spec: OpenID Connect Core §3.1.2.1 (`login_hint`)
    pub fn is_called(&self, hint: &str) -> bool {
        let email = self.claims.get("email").and_then(Value::as_str);
        [Some(self.login.as_str()), email]
            .into_iter()
            .flatten()
            .any(|name| fold_login(name) == fold_login(hint))
    }

    /// The claims that these scopes release, without those that are not known.
    ///
    /// Spec: OpenID Connect Core §5.4
    pub fn claims_for(&self, scopes: &Scope) -> Map<String, Value> {
        let released =
            STANDARD.iter().filter(|(scope, _)| scopes.has(scope)).flat_map(|(_, claims)| claims.iter());
        released.filter_map(|name| Some(((*name).to_owned(), self.claims.get(*name)?.clone()))).collect()
    }

    /// The claims with these names, without those that are not known.
    ///
    /// Spec: OpenID Connect Core §5.5
    pub fn claims_named(&self, names: &[String]) -> Map<String, Value> {
        names.iter().filter_map(|name| Some((name.clone(), self.claims.get(name)?.clone()))).collect()
    }
}

/// Folds a login name to the form in which it is unique: trimmed, NFKC, without case.
pub fn fold_login(typed: &str) -> String {
    let folded: String = typed.nfkc().default_case_fold().nfkc().collect();
    folded.trim().to_owned()
}

/// Checks claims given for a person against what OpenID Connect says of their form.
///
/// Spec: OpenID Connect Core §5.1
pub fn check_claims(claims: &Map<String, Value>) -> Result<(), String> {
    const RESERVED: [&str; 14] = [
        "sub", "iss", "aud", "exp", "iat", "nbf", "jti", "nonce", "azp", "auth_time", "acr", "amr", "sid",
        "client_id",
    ];
    for (name, value) in claims {
        let fine = match name.as_str() {
            reserved if RESERVED.contains(&reserved) => {
                return Err(format!("{name} is not a person's to set"));
            }
            "email_verified" | "phone_number_verified" => value.is_boolean(),
            "updated_at" => value.is_u64(),
            "address" => value.as_object().is_some_and(|parts| {
                !parts.is_empty() && parts.values().all(|part| part.as_str().is_some_and(is_said))
            }),
            "groups" | "roles" | "entitlements" => {
                value.as_array().is_some_and(|names| names.iter().all(|n| n.as_str().is_some_and(is_said)))
            }
            "birthdate" => value.as_str().is_some_and(is_birthdate),
            "locale" => value.as_str().is_some_and(|tag| is_said(tag) && !tag.contains('_')),
            _ if value.is_null() => false,
            standard if STANDARD.iter().any(|(_, claims)| claims.contains(&standard)) => {
                value.as_str().is_some_and(is_said)
            }
            _ => true,
        };
        if !fine {
            return Err(format!("the value of {name} has not the form that OpenID Connect gives it"));
        }
    }
    Ok(())
}

fn is_said(text: &str) -> bool {
    !text.trim().is_empty() && text != "null"
}

/// `YYYY-MM-DD`, `0000-MM-DD` or `YYYY`.
fn is_birthdate(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |part: &str, digits: usize| {
        (part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<u16>().ok())
            .flatten()
    };
    match parts.as_slice() {
        [year] => number(year, 4).is_some(),
        [year, month, day] => {
            number(year, 4).is_some()
                && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
                && number(day, 2).is_some_and(|day| (1..=31).contains(&day))
        }
        _ => false,
    }
}
