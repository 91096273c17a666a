//! Who does something, and through what.

use super::Vault;

/// Who does something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person, by identifier.
    Person(String),
    /// An application, by `client_id`.
    Client(String),
    /// Someone at the command line, by the name of the operating system's user if it has one.
    Cli(Option<String>),
    /// This program, or a part of it by name.
    System(Option<&'static str>),
    /// Someone who has not shown who they are.
    Unknown,
}

impl Actor {
    /// As it is stored.
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
}

/// Through what something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// A page.
    Page,
    /// An endpoint for programs.
    Api,
    /// The command line.
    Cli,
    /// This program by itself.
    System,
}

impl Via {
    /// As it is stored.
    pub fn text(self) -> &'static str {
        match self {
            Via::Page => "page",
            Via::Api => "api",
            Via::Cli => "cli",
            Via::System => "system",
        }
    }
}

/// Who does something, through what, from where, and with which keys personal detail about it is sealed.
#[derive(Clone)]
pub struct By {
    pub(super) actor: Actor,
    pub(super) via: Via,
    pub(super) request_id: Option<String>,
    pub(super) network: Option<String>,
    pub(super) vault: Option<Vault>,
}

impl By {
    /// Without a request.
    pub fn new(actor: Actor, via: Via) -> By {
        By { actor, via, request_id: None, network: None, vault: None }
    }

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

/// A part of this program, by its name; `system` is the program itself.
impl From<&'static str> for By {
    fn from(part: &'static str) -> By {
        By::new(Actor::System(Some(part).filter(|part| *part != "system")), Via::System)
    }
}
