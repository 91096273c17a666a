//! The actor of an event, and what else an event says of how something was done.

use super::Vault;

/// Who does something. One value says all that an event stores of it: the kind, which one of its kind, and through
/// what it acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person on a page, by identifier.
    Person(String),
    /// An application at an endpoint, by `client_id`.
    Client(String),
    /// The command line, by the name of the operating system's user if it has one.
    Cli(Option<String>),
    /// This program, or a part of it by name.
    System(Option<&'static str>),
    /// A visitor of a page who has not proven to be anyone.
    Unknown,
}

impl Actor {
    /// The kind, as it is stored.
    pub fn kind(&self) -> &'static str {
        match self {
            Actor::Person(_) => "person",
            Actor::Client(_) => "client",
            Actor::Cli(_) => "cli",
            Actor::System(_) => "system",
            Actor::Unknown => "unknown",
        }
    }

    /// Which one of its kind.
    pub fn name(&self) -> Option<&str> {
        match self {
            Actor::Person(id) | Actor::Client(id) => Some(id),
            Actor::Cli(user) => user.as_deref(),
            Actor::System(part) => *part,
            Actor::Unknown => None,
        }
    }

    /// Through what it acts, as it is stored.
    pub fn via(&self) -> &'static str {
        match self {
            Actor::Person(_) | Actor::Unknown => "page",
            Actor::Client(_) => "api",
            Actor::Cli(_) => "cli",
            Actor::System(_) => "system",
        }
    }
}

/// An actor, with the request it acts in and the keys that seal personal detail of what it does.
#[derive(Clone)]
pub struct By {
    pub(super) actor: Actor,
    pub(super) request_id: Option<String>,
    pub(super) network: Option<String>,
    pub(super) vault: Option<Vault>,
}

impl By {
    /// In a request of this name, from this network; which network it was is kept only as a keyed hash.
    pub fn in_request(self, id: &str, network: &str, vault: &Vault) -> By {
        let (request_id, network) = (Some(id.to_owned()), Some(vault.network(network)));
        By { request_id, network, ..self.sealing(vault) }
    }

    /// With keys for personal detail. Without them an event says that such detail was left out.
    pub fn sealing(self, vault: &Vault) -> By {
        By { vault: Some(vault.clone()), ..self }
    }
}

/// Outside of a request, and without keys for personal detail.
impl From<Actor> for By {
    fn from(actor: Actor) -> By {
        By { actor, request_id: None, network: None, vault: None }
    }
}
