//! What is written down: one line per request and the cause of every failure, each with the name of its
//! request; never a secret, and of a query string no more than the beginning of what was wrong in it.

use std::io::IsTerminal;

use serde::Deserialize;
use tracing::Span;
use tracing::field::Empty;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// What writes a line at `ERROR` for everything that is no HTTP: those who watch for errors look for ours.
const STRANGERS: &str = "actix_http";

/// Starts logging to standard error; a second call changes nothing.
pub fn start(filter: &str, format: Format) -> Result<(), String> {
    let is_asked_for = filter.is_empty() || filter.contains(STRANGERS);
    let quiet = if is_asked_for { String::new() } else { format!(",{STRANGERS}=off") };
    let filter = EnvFilter::try_new(format!("{filter}{quiet}"))
        .map_err(|error| format!("log = {filter:?}: {error}"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let lines = lines.with_ansi(format == Format::Text && std::io::stderr().is_terminal()).with_target(false);
    // Tests start several providers in one process: the first subscriber serves them all.
    let _already_started = match format {
        Format::Text => lines.finish().try_init(),
        Format::Json => lines.json().flatten_event(true).with_span_list(false).finish().try_init(),
    };
    Ok(())
}

/// What every line written while a request is answered has in common. It is there whatever level is asked
/// for: a warning without the name of its request is worth little.
pub fn request(id: &str) -> Span {
    tracing::error_span!("request", %id, client_id = Empty)
}

/// From here on the lines of the present request name this client, which is known to be registered.
pub fn note_client(client_id: &str) {
    Span::current().record("client_id", client_id);
}
