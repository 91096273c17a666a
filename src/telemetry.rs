//! What is written down: one line per request and the cause of every failure; never a query string,
//! never a secret.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to standard error; a second call changes nothing.
pub fn start(filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("log = {filter:?}: {error}"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let lines = lines.with_ansi(std::io::stderr().is_terminal()).with_target(false);
    // Tests start several providers in one process: the first subscriber serves them all.
    let _already_started = lines.finish().try_init();
    Ok(())
}
