//! The `sub` of a person for a client. A public one is the identifier of the account. A pairwise one differs from sector to
//! sector, so that applications of different owners cannot tell by it that they have the same person.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::protocol::client::Client;
use crate::secret::{Key, base64url};

/// The kind of `sub` by which a client knows people.
///
/// Spec: OpenID Connect Core §8
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectType {
    /// One for all clients.
    #[default]
    Public,
    /// Another one for each sector.
    Pairwise,
}

impl SubjectType {
    /// The registered names of all types.
    pub const SUPPORTED: [&str; 2] = ["public", "pairwise"];

    /// Tells whether it is the type of clients that registered none.
    pub fn is_default(&self) -> bool {
        *self == SubjectType::default()
    }
}

/// How one client knows people. Every `sub` that it is told, or that it sends, is made or compared here. None is looked
/// up: a person is found in another way, and the `sub` of that person is compared.
///
/// Spec: OpenID Connect Core §8
#[derive(Clone)]
pub enum Naming {
    /// By the identifiers of their accounts.
    Public,
    /// By names of its sector.
    Pairwise {
        /// The key of all pairwise names.
        key: Key,
        /// The sector.
        sector: String,
    },
}

impl Naming {
    /// The naming of a client. `key` is that of pairwise names.
    pub fn of(client: &Client, key: &Key) -> Naming {
        match client.sector() {
            None => Naming::Public,
            Some(sector) => Naming::Pairwise { key: key.clone(), sector },
        }
    }

    /// The `sub` of the person with this identifier.
    ///
    /// Spec: OpenID Connect Core §8.1
    pub fn sub<'a>(&self, user_id: &'a str) -> Cow<'a, str> {
        match self {
            Naming::Public => Cow::Borrowed(user_id),
            Naming::Pairwise { key, sector } => {
                let parts: [&[u8]; 4] = [b"pairwise/v1\0", sector.as_bytes(), b"\0", user_id.as_bytes()];
                Cow::Owned(base64url(&key.mac(&parts)))
            }
        }
    }
}

/// Without the key.
impl fmt::Debug for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Naming::Public => f.write_str("Public"),
            Naming::Pairwise { sector, .. } => f.debug_tuple("Pairwise").field(sector).finish(),
        }
    }
}
