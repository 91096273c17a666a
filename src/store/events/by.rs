//! The actor of an event, and the context in which it acts.

use super::Vault;

/// The actor of a change. An event stores its kind, its name within the kind, and the interface through which it acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person on a page, by identifier.
    Person(String),
    /// An application at an endpoint, by `client_id`.
    Client(String),
    /// The command line, by the name of the operating system's user if it has one.
    Cli(Option<String>),
    /// This program, or a named part of it.
    System(Option<&'static str>),
    /// A visitor of a page who is not authenticated.
    Unknown,
}

impl Actor {
    /// The stored name of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Actor::Person(_) => "person",
            Actor::Client(_) => "client",
            Actor::Cli(_) => "cli",
            Actor::System(_) => "system",
            Actor::Unknown => "unknown",
        }
    }

    /// Its name within the kind.
    pub fn name(&self) -> Option<&str> {
        match self {
            Actor::Person(id) | Actor::Client(id) => Some(id),
            Actor::Cli(user) => user.as_deref(),
            Actor::System(part) => *part,
            Actor::Unknown => None,
        }
    }

    /// The stored name of the interface through which it acts.
    pub fn via(&self) -> &'static str {
        match self {
            Actor::Person(_) | Actor::Unknown => "page",
            Actor::Client(_) => "api",
            Actor::Cli(_) => "cli",
            Actor::System(_) => "system",
        }
    }
}

/// An actor, with its request and with the keys that seal personal detail.
#[derive(Clone)]
pub struct By {
    pub(super) actor: Actor,
    pub(super) request_id: Option<String>,
    pub(super) network: Option<String>,
    pub(super) vault: Option<Vault>,
}

impl By {
    /// Adds the request and its network, which is stored as a keyed hash only.
    pub fn in_request(self, id: &str, network: &str, vault: &Vault) -> By {
        let (request_id, network) = (Some(id.to_owned()), Some(vault.network(network)));
        By { request_id, network, ..self.sealing(vault) }
    }

    /// Adds keys for personal detail. Without them an event says that such detail was left out.
    pub fn sealing(self, vault: &Vault) -> By {
        By { vault: Some(vault.clone()), ..self }
    }
}

/// An actor outside of a request, without keys for personal detail.
impl From<Actor> for By {
    fn from(actor: Actor) -> By {
        By { actor, request_id: None, network: None, vault: None }
    }
}
