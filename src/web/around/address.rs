//! The client's address. A proxy's header names it only if the proxy is trusted.

use std::net::{IpAddr, SocketAddr};

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;
use ipnet::IpNet;

use crate::app::App;

/// Paths that only people's browsers request. Other requests may come from a monitor on the proxy's own machine.
const OF_PEOPLE: [&str; 2] = ["/authorize", "/login"];

/// The address of the client of one request, in the request's extensions from the beginning.
#[derive(Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// The network of the address (IPv4 /24, IPv6 /56), in which one visitor can have many addresses.
    pub fn network(self) -> String {
        self.within(56)
    }

    /// The site of the address (IPv4 /24, IPv6 /48), which one customer of a network provider can have.
    pub fn site(self) -> String {
        self.within(48)
    }

    fn within(self, v6_prefix: u8) -> String {
        let prefix = if self.0.is_ipv4() { 24 } else { v6_prefix };
        let network = IpNet::new(self.0, prefix);
        network.map_or_else(|_| self.0.to_string(), |network| network.trunc().to_string())
    }
}

/// The peer of the connection. A dual-stack listener reports an IPv4 address inside an IPv6 one; it is unpacked, or all
/// of IPv4 would be one network.
pub fn peer(req: &ServiceRequest) -> Option<IpAddr> {
    req.peer_addr().map(|peer| peer.ip().to_canonical())
}

/// Puts the client's address into the request's extensions.
pub fn note(req: &mut ServiceRequest, app: &App, peer: Option<IpAddr>) -> Option<IpAddr> {
    let from = client_address(req, app, peer)?;
    req.extensions_mut().insert(ClientAddress(from));
    Some(from)
}

/// Whether an address is that of a trusted proxy.
pub fn is_trusted(app: &App, address: IpAddr) -> bool {
    app.config.trusted_proxies.iter().any(|proxy| proxy.contains(&address))
}

/// The client's address.
///
/// Spec: RFC 9700 §4.13
fn client_address(req: &ServiceRequest, app: &App, peer: Option<IpAddr>) -> Option<IpAddr> {
    let peer = peer?;
    if !is_trusted(app, peer) {
        return Some(peer);
    }
    let forwarded = req.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut nearest = None;
    for hop in hops.into_iter().rev() {
        // An entry that cannot be read ends the chain: the entries before it are not trusted.
        let Some(address) = hop_address(hop) else { break };
        nearest = Some(address);
        if !is_trusted(app, address) {
            break;
        }
    }
    let path = req.path().strip_prefix(app.config.base.as_str());
    if nearest.is_none() && path.is_some_and(|path| OF_PEOPLE.contains(&path)) {
        // For this report alone. A request is decided for an instant that is read later, after its body.
        app.health.proxies.report_silent(&app.db, peer, app.clock.now());
    }
    Some(nearest.unwrap_or(peer))
}

/// An address with or without a port, as proxies write it.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}
