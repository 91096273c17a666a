//! Trusted proxies.

use ipnet::IpNet;
use time::OffsetDateTime;

use super::finding::Finding;
use crate::clock::span;
use crate::config::Config;
use crate::db::Db;
use crate::health::proxies;

const CHECK: &str = "proxies";
/// The widest network of proxies without a warning.
const WIDEST: (u8, u8) = (8, 32);

/// The configured proxies.
pub(super) fn set(config: &Config) -> Option<Finding> {
    let proxies = &config.trusted_proxies;
    let shown = proxies.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if let Some(all) = proxies.iter().find(|proxy| proxy.prefix_len() == 0) {
        return Some(Finding::problem(
            CHECK,
            format!("trusted_proxies has {all}: every connection may claim any address"),
            "name the addresses of your proxies only",
        ));
    }
    let is_wide = |proxy: &&IpNet| {
        let widest = if matches!(proxy, IpNet::V4(_)) { WIDEST.0 } else { WIDEST.1 };
        proxy.prefix_len() < widest
    };
    if let Some(wide) = proxies.iter().find(is_wide) {
        return Some(Finding::warning(
            CHECK,
            format!("trusted_proxies has {wide}, which is a lot of machines"),
            "name the addresses of your proxies only: each of them may claim any address for its visitors",
        ));
    }
    let open_to_others = !config.listen.starts_with("127.") && !config.listen.starts_with("localhost");
    let only_here = proxies.iter().all(|proxy| proxy.addr().is_loopback());
    if config.tls.is_none() && !config.development && open_to_others && only_here {
        return Some(Finding::warning(
            CHECK,
            format!("listen = {} is open to other machines, but only {shown} is answered", config.listen),
            "listen on 127.0.0.1, or name the proxies on other machines in trusted_proxies",
        ));
    }
    (!proxies.is_empty()).then(|| Finding::ok(CHECK, format!("the word of {shown} is taken")))
}

/// The headers that nodes have, or have not, received from the proxies lately.
pub(super) fn heard(db: Option<&Db>, now: OffsetDateTime) -> Option<Finding> {
    let silent = db?.read_now(proxies::silent).ok().flatten()?;
    let ago = now - silent.at;
    let what = format!(
        "{} ago a request of a visitor came from the trusted proxy {} without the visitor's address: all of its visitors \
         count as one, for limits and in the log",
        span(ago.whole_seconds()),
        silent.proxy
    );
    let remedy = "let it write X-Forwarded-For, as deploy/nginx.conf does; or take it out of trusted_proxies";
    silent.is_recent(now).then(|| Finding::warning(CHECK, what, remedy))
}
