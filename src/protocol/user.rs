//! A person's account.

use serde_json::{Map, Value};

use crate::protocol::addresses::{AddressFault, check_address, fold_address};
use crate::protocol::names::{HiddenCharacter, LoginFault, LoginName, check_shown, clean, fold};
use crate::protocol::scope::{STANDARD, Scope};

/// The claim with the user name that applications receive.
const USERNAME: &str = "preferred_username";
/// The claim that says whether the address is verified.
const EMAIL_VERIFIED: &str = "email_verified";
/// The claims that are names of people.
const NAMES: [&str; 6] = ["name", "given_name", "family_name", "middle_name", "nickname", USERNAME];

/// An e-mail address of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// In the form in which addresses are compared.
    pub folded: String,
    /// Whether it is verified.
    pub verified: bool,
}

/// Why the description of a person is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserFault {
    /// The login name.
    #[error(transparent)]
    Login(#[from] LoginFault),
    /// A claim.
    #[error(transparent)]
    Claim(#[from] ClaimFault),
    /// The user name that applications would be told is not the login name.
    #[error("preferred_username must be the login name; leave it out, and it is")]
    Username,
}

/// Why a person cannot have a claim with the value given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimFault {
    /// The provider sets this claim itself, for each token.
    #[error("{0} is not a person's to set")]
    Reserved(String),
    /// The value of this claim has another form.
    #[error("the value of {0} has not the form that OpenID Connect gives it")]
    Form(String),
    /// The value of this claim has a character that cannot be seen.
    #[error("{0} {1}")]
    Hidden(String, HiddenCharacter),
    /// The e-mail address cannot be one.
    #[error(transparent)]
    Address(#[from] AddressFault),
}

/// A person who can sign in.
#[derive(Clone, Debug)]
pub struct User {
    /// Random and stable, never reassigned: the public `sub`.
    pub id: String,
    /// The login name as typed when the account was made.
    pub login: String,
    /// A disabled account cannot sign in, and its tokens are refused wherever the store is asked.
    pub disabled: bool,
    /// The claims about the person.
    pub claims: Map<String, Value>,
}

impl User {
    /// The name to address the person by.
    pub fn display_name(&self) -> &str {
        self.claims.get("name").and_then(Value::as_str).unwrap_or(&self.login)
    }

    /// Tells whether a hint names this person: by login name, or by e-mail address.
    ///
    /// Spec: OpenID Connect Core §3.1.2.1 (`login_hint`)
    pub fn is_called(&self, hint: &str) -> bool {
        let is_address = || {
            let hint = fold_address(hint);
            hint.is_some() && hint == self.address().map(|address| address.folded)
        };
        fold_login(&self.login) == fold_login(hint) || is_address()
    }

    /// The person's e-mail address, if there is one.
    pub fn address(&self) -> Option<Address> {
        let folded = fold_address(self.claims.get("email")?.as_str()?)?;
        let verified = self.claims.get(EMAIL_VERIFIED).and_then(Value::as_bool).unwrap_or_default();
        Some(Address { folded, verified })
    }

    /// The value of a claim. `preferred_username` is the login name, unless it was set.
    ///
    /// Spec: OpenID Connect Core §5.1
    pub fn claim(&self, name: &str) -> Option<Value> {
        let login = || (name == USERNAME).then(|| self.login.as_str().into());
        self.claims.get(name).cloned().or_else(login)
    }

    /// Tells whether `preferred_username` is another name than the login name.
    pub fn contradicts_itself(&self) -> bool {
        let told = self.claims.get(USERNAME).and_then(Value::as_str);
        told.is_some_and(|told| fold_login(told) != fold_login(&self.login))
    }

    /// Checks a new account.
    pub fn check(&self) -> Result<LoginName, UserFault> {
        let login = LoginName::parse(&self.login)?;
        check_claims(&self.claims)?;
        if self.contradicts_itself() {
            return Err(UserFault::Username);
        }
        Ok(login)
    }

    /// Checks a change: unchanged values need not meet newer rules. Returns the login name if it changed.
    pub fn check_change(&self, before: &User) -> Result<Option<LoginName>, UserFault> {
        let is_renamed = self.login != before.login;
        let login = is_renamed.then(|| LoginName::parse(&self.login)).transpose()?;
        let is_new = |name: &str, value: &Value| before.claims.get(name) != Some(value);
        let changed = self.claims.iter().filter(|(name, value)| is_new(name, value));
        let changed: Map<String, Value> =
            changed.map(|(name, value)| (name.clone(), value.clone())).collect();
        check_claims(&changed)?;
        if changed.contains_key(USERNAME) && self.contradicts_itself() {
            return Err(UserFault::Username);
        }
        Ok(login)
    }

    /// The claims that these scopes release, without those that have no value.
    ///
    /// Spec: OpenID Connect Core §5.4
    pub fn claims_for(&self, scopes: &Scope) -> Map<String, Value> {
        let released =
            STANDARD.iter().filter(|(scope, _)| scopes.has(scope)).flat_map(|(_, claims)| claims.iter());
        released.filter_map(|name| Some(((*name).to_owned(), self.claim(name)?))).collect()
    }

    /// The claims with these names, without those that have no value.
    ///
    /// Spec: OpenID Connect Core §5.5
    pub fn claims_named(&self, names: &[String]) -> Map<String, Value> {
        names.iter().filter_map(|name| Some((name.clone(), self.claim(name)?))).collect()
    }
}

/// A change to a person.
#[derive(Clone, Debug, Default)]
pub struct Amendment {
    /// Another login name.
    pub login: Option<String>,
    /// Claims to replace; null removes a claim.
    pub set: Map<String, Value>,
}

impl Amendment {
    /// The person after the change; to be checked against the person before.
    pub fn apply(&self, mut person: User) -> User {
        let address = person.address().map(|address| address.folded);
        let told = person.claims.get(USERNAME).and_then(Value::as_str).map(fold_login);
        if let Some(login) = &self.login {
            // A `preferred_username` that was the login name follows it.
            if told == Some(fold_login(&person.login)) {
                person.claims.remove(USERNAME);
            }
            login.trim().clone_into(&mut person.login);
        }
        person.claims.extend(self.set.clone());
        person.claims.retain(|_, value| !value.is_null());
        // What was said about one address does not hold for another.
        if !person.claims.contains_key("email") {
            person.claims.remove(EMAIL_VERIFIED);
        } else if person.address().map(|address| address.folded) != address
            && !self.set.contains_key(EMAIL_VERIFIED)
        {
            person.claims.insert(EMAIL_VERIFIED.into(), false.into());
        }
        person
    }
}

/// Folds a login name to the form in which it is unique: trimmed, compatible forms equal, without case.
pub fn fold_login(typed: &str) -> String {
    fold(typed).trim().to_owned()
}

/// Removes invisible characters from the claims that are names; returns one sentence for each.
pub fn clean_names(claims: &mut Map<String, Value>) -> Vec<String> {
    let mut said = vec![];
    for (name, value) in claims.iter_mut().filter(|(name, _)| is_name(name)) {
        if let Value::String(text) = value {
            said.extend(clean(name, text));
        }
    }
    said
}

/// Tells whether a claim is a name of the person, in any language.
fn is_name(claim: &str) -> bool {
    NAMES.contains(&claim.split('#').next().unwrap_or(claim))
}

/// Checks claims given for a person against what OpenID Connect says of their form.
///
/// Spec: OpenID Connect Core §5.1
pub fn check_claims(claims: &Map<String, Value>) -> Result<(), ClaimFault> {
    const RESERVED: [&str; 14] = [
        "sub", "iss", "aud", "exp", "iat", "nbf", "jti", "nonce", "azp", "auth_time", "acr", "amr", "sid",
        "client_id",
    ];
    for (name, value) in claims {
        let text = value.as_str().unwrap_or_default();
        if is_name(name) {
            check_shown(text).map_err(|hidden| ClaimFault::Hidden(name.clone(), hidden))?;
        }
        let fine = match name.as_str() {
            reserved if RESERVED.contains(&reserved) => {
                return Err(ClaimFault::Reserved(name.clone()));
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
            return Err(ClaimFault::Form(name.clone()));
        }
        if name == "email" {
            check_address(text)?;
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
