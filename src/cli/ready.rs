//! `countersign ready`: requests `/readyz` on this machine, for supervisors that run a command as a probe.

use std::time::Duration;

use anyhow::{anyhow, bail};
use serde_json::{Value, json};

use super::context::Context;
use super::report::Report;
use crate::config::Config;

/// The time limit for the answer. The server's own checks take a second at most.
const PATIENCE: Duration = Duration::from_secs(3);

/// Requests `/readyz`. The answer is yes when this node can serve.
pub async fn run(context: &Context) -> anyhow::Result<Report> {
    let url = address(&context.config()?)?;
    // The certificate is for the issuer's name and not for this address, and the request stays on this machine.
    let client = reqwest::Client::builder().no_proxy().danger_accept_invalid_certs(true).timeout(PATIENCE);
    let answer = client.build()?.get(&url).send().await;
    let answer =
        answer.map_err(|_unreachable| anyhow!("nothing answers at {url}: is the server running?"))?;
    let (status, body) = (answer.status(), answer.text().await?);
    let Ok(found) = serde_json::from_str::<Value>(&body) else {
        bail!("{url} answers {status}, and not as Countersign does");
    };
    let fault = (status != 200).then(|| format!("not ready: {found}"));
    let text = if fault.is_none() { "ready".to_owned() } else { String::new() };
    Ok(Report { fault, ..Report::new(json!(found), text) })
}

/// The address of `/readyz` on this machine.
fn address(config: &Config) -> anyhow::Result<String> {
    let listen = &config.listen;
    let (host, port) = listen.rsplit_once(':').ok_or_else(|| anyhow!("listen = {listen:?} has no port"))?;
    let host = match host {
        "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        named => named,
    };
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    Ok(format!("{scheme}://{host}:{port}/readyz"))
}
