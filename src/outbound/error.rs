//! Why nothing was fetched.

/// Why an outbound request brought no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The address must not be fetched; in words.
    #[error("{0}")]
    Refused(String),
    /// The address failed within the last 30 seconds.
    #[error("it failed within the last 30 seconds and is not tried again yet")]
    FailedBefore,
    /// The request failed, or its answer was not acceptable; in words.
    #[error("{0}")]
    Failed(String),
}

/// The causes of an error. Its own text is left out: it only repeats the address.
pub(super) fn chain(error: &reqwest::Error) -> String {
    let mut error: &dyn std::error::Error = error;
    let mut causes = vec![];
    while let Some(source) = error.source() {
        causes.push(source.to_string());
        error = source;
    }
    if causes.is_empty() { "the connection failed".into() } else { causes.join(": ") }
}
