//! Where a request came from. A proxy's word about it is taken only if the proxy is trusted.

use std::net::{IpAddr, SocketAddr};

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;
use ipnet::IpNet;

use crate::app::App;

/// What only people's browsers ask for. Everything else may come from a monitor on the proxy's own machine.
const OF_PEOPLE: [&str; 2] = ["/authorize", "/login"];

/// Where one request came from, in its extensions from the beginning.
#[derive(Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// The network it belongs to (IPv4 /24, IPv6 /56): what one visitor can have many addresses of.
    pub fn network(self) -> String {
        self.within(56)
    }

    /// The site it belongs to (IPv4 /24, IPv6 /48): what one customer of a provider can be given.
    pub fn site(self) -> String {
        self.within(48)
    }

    fn within(self, v6_prefix: u8) -> String {
        let prefix = if self.0.is_ipv4() { 24 } else { v6_prefix };
        let network = IpNet::new(self.0, prefix);
        network.map_or_else(|_| self.0.to_string(), |network| network.trunc().to_string())
    }
}

/// The other end of the connection. A listener for both kinds shows an IPv4 address inside an IPv6 one: all of those
/// are not one network.
pub fn peer(req: &ServiceRequest) -> Option<IpAddr> {
    req.peer_addr().map(|peer| peer.ip().to_canonical())
}

/// Notes where the request came from, for everything that has the request.
pub fn note(req: &mut ServiceRequest, app: &App, peer: Option<IpAddr>) -> Option<IpAddr> {
    let from = client_address(req, app, peer)?;
    req.extensions_mut().insert(ClientAddress(from));
    Some(from)
}

/// Tells whether an address is that of a trusted proxy.
pub fn is_trusted(app: &App, address: IpAddr) -> bool {
    app.config.trusted_proxies.iter().any(|proxy| proxy.contains(&address))
}

/// The address the request came from.
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
        // What cannot be read ends the chain: beyond it anybody may have written anything.
        let Some(address) = hop_address(hop) else { break };
        nearest = Some(address);
        if !is_trusted(app, address) {
            break;
        }
    }
    let path = req.path().strip_prefix(app.config.base.as_str());
    if nearest.is_none() && path.is_some_and(|path| OF_PEOPLE.contains(&path)) {
        app.health.proxies.is_silent(&app.db, peer, app.clock.now());
    }
    Some(nearest.unwrap_or(peer))
}

/// An address with or without a port, as proxies write it.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}
