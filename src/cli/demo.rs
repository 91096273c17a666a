//! `countersign demo`: a provider, two sites and an API, on this machine alone.

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::context::{Context, discovery};
use super::report::say;
use crate::demo::{self, Options, Ports, Running};
use crate::telemetry::log::{self, Format};

/// The ports of the demo.
#[derive(Args)]
pub struct Demo {
    /// The provider's port
    #[arg(long, env = "COUNTERSIGN_DEMO_PORT", default_value_t = 8080)]
    port: u16,
    /// The bank's port
    #[arg(long, env = "COUNTERSIGN_DEMO_BANK_PORT", default_value_t = 8081)]
    bank_port: u16,
    /// The retirement fund's port
    #[arg(long, env = "COUNTERSIGN_DEMO_FUND_PORT", default_value_t = 8082)]
    fund_port: u16,
    /// The API's port
    #[arg(long, env = "COUNTERSIGN_DEMO_API_PORT", default_value_t = 8083)]
    api_port: u16,
    /// What to log; `info` shows every request
    #[arg(long, env = "COUNTERSIGN_LOG", default_value = "warn")]
    log: String,
}

/// Runs the demo until a signal stops it.
pub async fn run(demo: Demo, context: &Context) -> anyhow::Result<()> {
    if context.names_a_file() {
        bail!("the demo has no configuration file; its ports are flags, see countersign demo --help");
    }
    log::start(&demo.log, Format::Text).map_err(anyhow::Error::msg)?;
    let ports = Ports { provider: demo.port, bank: demo.bank_port, fund: demo.fund_port, api: demo.api_port };
    let options = Options { ports, clock: context.clock.clone(), ..Options::default() };
    let running = demo::start(options).await?;
    if context.json {
        say(&shown(&running).to_string())?;
    } else {
        say(&demo::announce(&running))?;
    }
    Ok(running.wait().await?)
}

fn shown(running: &Running) -> Value {
    let people = running.people.iter();
    let people: Vec<Value> = people
        .map(|p| json!({ "login": p.login, "name": p.name, "password": p.password, "what": p.what }))
        .collect();
    json!({
        "issuer": running.provider,
        "discovery": discovery(&running.provider),
        "bank": running.bank,
        "fund": running.fund,
        "api": running.api,
        "people": people,
    })
}
