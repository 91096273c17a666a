//! `countersign demo`: a provider, two sites and an API, on this machine alone.

use std::io;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::context::{Context, discovery};
use super::report::say;
use crate::demo::{self, Codes, DemoError, Options, Ports, Running, SignedIn, Terminal};
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
        tokio::spawn(sign_in_on_enter(running.terminal.clone()));
    }
    Ok(running.wait().await?)
}

/// Signs the terminal in as a device whenever a person presses Enter, until the end of standard input.
async fn sign_in_on_enter(terminal: Terminal) {
    let (enter, mut entered) = tokio::sync::mpsc::channel(1);
    // A thread, because reading blocks. The end of the process does not wait for it.
    std::thread::spawn(move || {
        for _line in io::stdin().lines().map_while(Result::ok) {
            if enter.blocking_send(()).is_err() {
                break;
            }
        }
    });
    while entered.recv().await.is_some() {
        let said = match sign_in(&terminal).await {
            Ok(SignedIn::As(name)) => {
                format!("  This terminal is signed in as {name}. Press Enter to do it again.\n")
            }
            Ok(SignedIn::Not(error)) => {
                format!("  This terminal is not signed in: {error}. Press Enter to try again.\n")
            }
            Err(error) => format!("  This terminal cannot be signed in: {error}\n"),
        };
        if say(&said).is_err() {
            return;
        }
    }
}

async fn sign_in(terminal: &Terminal) -> Result<SignedIn, DemoError> {
    let codes = terminal.ask().await?;
    let Codes { user_code, verification_uri, verification_uri_complete, .. } = &codes;
    let picture = codes.picture();
    let said = format!(
        "\n  Open        {verification_uri}\n  and enter   {user_code}\n\n  \
         or open     {verification_uri_complete}\n\n{picture}\n"
    );
    say(&said).map_err(|error| DemoError::Other(error.to_string()))?;
    terminal.wait(&codes).await
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
