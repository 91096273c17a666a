//! The variables that Kubernetes sets in every pod for each Service of its namespace. Those of a Service named
//! `countersign`, or `countersign-…`, have the prefix of settings.

use std::net::IpAddr;

/// Tells whether Kubernetes set a variable, by the rest of its name after `COUNTERSIGN_` and by its value. Both must
/// match, so that a misspelled setting is still refused.
pub(super) fn is_set_by_kubernetes(name: &str, value: &str) -> bool {
    ends(name).any(|end| fits(end, value))
}

/// The name from each of its words on: the words before may belong to the name of the Service.
fn ends(name: &str) -> impl Iterator<Item = &str> {
    let later = name.match_indices('_').filter_map(|(at, _)| name.get(at + 1..));
    std::iter::once(name).chain(later)
}

fn fits(end: &str, value: &str) -> bool {
    let is_number = |text: &str| text.parse::<u16>().is_ok();
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
    if end == "SERVICE_HOST" {
        return is_address(value);
    }
    if end == "SERVICE_PORT" || end.strip_prefix("SERVICE_PORT_").is_some_and(|port| !port.is_empty()) {
        return is_number(value);
    }
    if end == "PORT" {
        return is_place(value);
    }
    let Some((port, rest)) = end.strip_prefix("PORT_").and_then(|rest| rest.split_once('_')) else {
        return false;
    };
    let Some((protocol, what)) =
        ["TCP", "UDP", "SCTP"].iter().find_map(|protocol| Some((*protocol, rest.strip_prefix(protocol)?)))
    else {
        return false;
    };
    is_number(port)
        && match what {
            "" => is_place(value),
            "_PROTO" => value.eq_ignore_ascii_case(protocol),
            "_PORT" => value == port,
            "_ADDR" => is_address(value),
            _ => false,
        }
}

/// `tcp://10.96.0.1:443`
fn is_place(value: &str) -> bool {
    ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme))
}
