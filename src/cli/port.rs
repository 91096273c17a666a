//! The ports of `serve`, and the remedy for a port that is taken.

use std::net::TcpListener;

use anyhow::anyhow;
use url::Url;

use crate::config::Config;
use crate::server;

/// The number of ports after a taken one that are tried, to name a free one.
const TRIED: u16 = 50;

/// Checks that all addresses can be listened on. No connection is accepted meanwhile.
pub fn find_free(config: &Config) -> anyhow::Result<()> {
    server::is_free(&config.listen).map_err(|why| anyhow!("{why}; {}", elsewhere(config)))?;
    let metrics = config.metrics_listen.as_deref();
    metrics.map_or(Ok(()), |listen| server::is_free(listen).map_err(|why| other_metrics(&why)))
}

/// Listens for requests.
pub fn take(config: &Config) -> anyhow::Result<Vec<TcpListener>> {
    server::bind(&config.listen).map_err(|why| anyhow!("{why}; {}", elsewhere(config)))
}

/// Listens for scrapes of metrics.
pub fn take_metrics(listen: &str) -> anyhow::Result<Vec<TcpListener>> {
    server::bind(listen).map_err(|why| other_metrics(&why))
}

fn other_metrics(why: &str) -> anyhow::Error {
    anyhow!("{why}; set COUNTERSIGN_METRICS_LISTEN to another one")
}

/// The remedy: a free port, and the issuer with it, because applications and browsers connect to the issuer's address.
fn elsewhere(config: &Config) -> String {
    let issuer = &config.issuer;
    if !config.development {
        let leads = if config.tls.is_some() { "see that" } else { "have the proxy of" };
        let there = if config.tls.is_some() { "still leads there" } else { "hand on to it" };
        return format!("set COUNTERSIGN_LISTEN to another one, and {leads} {issuer} {there}");
    }
    let other = free_beside(config).unwrap_or_else(|| "http://localhost:PORT".into());
    if config.listens_at_issuer() {
        return format!("set COUNTERSIGN_ISSUER={other}: what is listened on follows from it");
    }
    format!(
        "set COUNTERSIGN_LISTEN to another port, and COUNTERSIGN_ISSUER (now {issuer}) to an address that leads to it, \
         such as {other}"
    )
}

/// The issuer with the next free port.
fn free_beside(config: &Config) -> Option<String> {
    let (host, port) = config.listen.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    let free = (1..=TRIED).filter_map(|more| port.checked_add(more));
    let free = free.into_iter().find(|port| server::is_free(&format!("{host}:{port}")).is_ok())?;
    let mut issuer = Url::parse(&config.issuer).ok()?;
    issuer.set_port(Some(free)).ok()?;
    Some(issuer.as_str().trim_end_matches('/').to_owned())
}
