//! What may be reached beside the public network.

use std::net::IpAddr;

use ipnet::IpNet;
use url::Url;

/// An exception from the guard, also for plain http.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// A network.
    Network(IpNet),
    /// One host and port, whatever address the name has.
    Service(String, u16),
}

impl Allowed {
    /// Parses `10.0.0.0/8`, `10.1.2.3` or `intranet.example:8443`.
    pub fn parse(text: &str) -> Option<Allowed> {
        if let Ok(network) = text.parse() {
            return Some(Allowed::Network(network));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Allowed::Network(address.into()));
        }
        let (_, port) = text.rsplit_once(':')?;
        let port: u16 = port.parse().ok()?;
        let url = Url::parse(&format!("http://{text}/")).ok()?;
        let plain = url.path() == "/" && url.query().is_none() && url.username().is_empty();
        plain.then(|| Some(Allowed::Service(url.host_str()?.to_owned(), port)))?
    }

    pub(super) fn network(&self) -> Option<IpNet> {
        match self {
            Allowed::Network(network) => Some(*network),
            Allowed::Service(..) => None,
        }
    }

    pub(super) fn service(&self) -> Option<(String, u16)> {
        match self {
            Allowed::Network(_) => None,
            Allowed::Service(host, port) => Some((host.clone(), *port)),
        }
    }
}
