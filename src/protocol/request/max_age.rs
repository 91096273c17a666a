//! `max_age`: the maximum age of the authentication.

use time::Duration;

use crate::protocol::client::Client;
use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;
use crate::protocol::request::wrong;

/// Reads the parameter, in seconds; the registered default applies without it.
///
/// Spec: OpenID Connect Core §3.1.2.1, OpenID Connect Registration §2 (`default_max_age`)
pub fn read(params: &Params, client: &Client) -> Result<Option<Duration>, Refusal> {
    const NO_NUMBER: &str = "max_age must be a whole number of seconds";
    match params.get("max_age") {
        None => Ok(client.metadata.default_max_age.map(|seconds| Duration::seconds(seconds.into()))),
        Some(text) => whole_seconds(text)
            .map(Some)
            .ok_or_else(|| wrong(params, "max_age", "invalid_request", NO_NUMBER)),
    }
}

fn whole_seconds(text: &str) -> Option<Duration> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // An age with more digits than a number can hold is older than any authentication.
    digits.then(|| Duration::seconds(text.parse().unwrap_or(i64::MAX)))
}
