//! The log: one line per request and the cause of every failure, each with the identifier of its request. It never
//! contains a secret, and of a query string only the beginning of a wrong parameter.

use std::io::IsTerminal;

use serde::Deserialize;
use tracing::Span;
use tracing::field::Empty;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// The format of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Text for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// A target that logs at `ERROR` whatever is not HTTP. It is off unless the filter names it, so that alerts on errors
/// see only those of this program.
const NOISY: &str = "actix_http";

/// Starts logging to standard error; a second call changes nothing.
pub fn start(filter: &str, format: Format) -> Result<(), String> {
    let is_wanted = filter.is_empty() || filter.contains(NOISY);
    let quiet = if is_wanted { String::new() } else { format!(",{NOISY}=off") };
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

/// The span of a request: its identifier is in every line that is written while it is answered. At the level ERROR, so
/// that no filter removes it.
pub fn request(id: &str) -> Span {
    tracing::error_span!("request", %id, client_id = Empty)
}

/// Adds a registered client to the lines of the present request.
pub fn note_client(client_id: &str) {
    Span::current().record("client_id", client_id);
}
