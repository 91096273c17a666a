//! Where a request came from. A proxy's word about it is taken only if the proxy is trusted.

use std::net::{IpAddr, SocketAddr};

use actix_web::dev::ServiceRequest;

use crate::app::App;

/// What only people's browsers ask for. Everything else may come from a monitor on the proxy's own machine.
const OF_PEOPLE: [&str; 2] = ["/authorize", "/login"];

/// Tells whether an address is that of a trusted proxy.
pub fn is_trusted(app: &App, address: IpAddr) -> bool {
    app.config.trusted_proxies.iter().any(|proxy| proxy.contains(&address))
}

/// The address the request came from.
///
/// Spec: RFC 9700 §4.13
pub fn client_address(req: &ServiceRequest, app: &App, peer: Option<IpAddr>) -> Option<IpAddr> {
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
