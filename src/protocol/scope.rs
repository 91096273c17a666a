//! Scopes: sets of space-separated names.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A set of scope names; its text form is sorted, so that equal sets are equal texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(BTreeSet<String>);

/// The scope that asks for access after the person has signed out.
///
/// Spec: OpenID Connect Core §11
pub const OFFLINE: &str = "offline_access";

/// The scopes that OpenID Connect itself defines, with the claims of each.
///
/// Spec: OpenID Connect Core §5.4, §11
pub const STANDARD: [(&str, &[&str]); 6] = [
    ("openid", &["sub"]),
    (
        "profile",
        &[
            "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile",
            "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("phone", &["phone_number", "phone_number_verified"]),
    ("address", &["address"]),
    (OFFLINE, &[]),
];

/// The scope of OpenID Connect that releases a claim.
pub fn of_claim(name: &str) -> Option<&'static str> {
    STANDARD.iter().find(|(_, claims)| claims.contains(&name)).map(|(scope, _)| *scope)
}

/// Tells whether a scope is one of OpenID Connect itself.
pub fn is_standard(name: &str) -> bool {
    STANDARD.iter().any(|(standard, _)| *standard == name)
}

impl Scope {
    /// Reads a space-separated list; names with characters that no scope may have are left out.
    ///
    /// Spec: RFC 6749 §3.3
    pub fn parse(text: &str) -> Scope {
        Scope(text.split(' ').filter(|name| is_name(name)).map(str::to_owned).collect())
    }

    /// The parts of a space-separated list that cannot be names, which [`Scope::parse`] leaves out: mostly
    /// several names with another separator between them.
    pub fn unreadable(text: &str) -> impl Iterator<Item = &str> {
        text.split(' ').filter(|part| !part.is_empty() && !is_name(part))
    }

    /// The scopes of OpenID Connect itself.
    pub fn standard() -> Scope {
        Scope(STANDARD.iter().map(|(name, _)| (*name).to_owned()).collect())
    }

    /// Tells whether the set has this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Tells whether every name of `other` is in this set.
    pub fn covers(&self, other: &Scope) -> bool {
        self.0.is_superset(&other.0)
    }

    /// The names for which `keep` holds.
    pub fn filter(&self, keep: impl Fn(&str) -> bool) -> Scope {
        Scope(self.0.iter().filter(|name| keep(name)).cloned().collect())
    }

    /// Both sets together.
    pub fn union(&self, other: &Scope) -> Scope {
        Scope(self.0.union(&other.0).cloned().collect())
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Tells whether a text can be the name of a scope.
///
/// Spec: RFC 6749 §3.3 (`scope-token`)
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E))
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, name) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Scope::parse(&String::deserialize(deserializer)?))
    }
}
