//! Which addresses a URL may lead to.

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

/// How far a connection may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The public network and the allowed networks.
    Public,
    /// Only the allowed networks: plain http.
    Networks,
    /// Any address: the operator allowed this host and port.
    Anywhere,
}

impl Reach {
    /// How far this URL may reach, or why it may not be fetched.
    pub(super) fn of(
        url: &Url,
        networks: &[IpNet],
        services: &[(String, u16)],
    ) -> Result<Reach, &'static str> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it has a user name or a password");
        }
        let host = url.host_str().ok_or("it has no host")?;
        let port = url.port_or_known_default().ok_or("its scheme has no port")?;
        if services.iter().any(|(name, number)| name == host && *number == port) {
            return match url.scheme() {
                "http" | "https" => Ok(Reach::Anywhere),
                _ => Err("its scheme is not https"),
            };
        }
        let reach = match url.scheme() {
            "https" => Reach::Public,
            "http" if !networks.is_empty() => Reach::Networks,
            _ => return Err("its scheme is not https"),
        };
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            _ => None,
        };
        match literal {
            Some(address) if !reach.admits(address, networks) => {
                Err("its address is not one of the public network, nor allowed by outbound_allow")
            }
            _ => Ok(reach),
        }
    }

    /// Tells whether a connection may go to this address.
    pub(super) fn admits(self, address: IpAddr, networks: &[IpNet]) -> bool {
        // A connection to `::ffff:10.0.0.1` goes to 10.0.0.1.
        let address = address.to_canonical();
        let listed = networks.iter().any(|network| network.contains(&address));
        match self {
            Reach::Public => listed || is_public(address),
            Reach::Networks => listed,
            Reach::Anywhere => true,
        }
    }
}

/// Tells whether an address belongs to the public network.
///
/// Spec: RFC 6890, and the IANA registries of special-purpose addresses
fn is_public(address: IpAddr) -> bool {
    let special: &[&str] = match address {
        IpAddr::V4(_) => &[
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
            "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
            "224.0.0.0/4", "240.0.0.0/4",
        ],
        // Everything outside 2000::/3 is special: loopback, NAT64, unique local, link-local, multicast.
        IpAddr::V6(_) => &[
            "::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48",
            "3fff::/20",
        ],
    };
    !special.iter().any(|network| network.parse::<IpNet>().is_ok_and(|network| network.contains(&address)))
}
