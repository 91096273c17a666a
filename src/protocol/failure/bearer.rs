//! Failures of a resource that takes access tokens.

use crate::protocol::cause::Cause;
use crate::protocol::shown::Shown;

/// A failure of a resource that takes access tokens.
///
/// Spec: RFC 6750 §3
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BearerFailure {
    /// No token at all: a bare challenge.
    #[error("no access token was presented")]
    Missing,
    /// The request itself is malformed.
    #[error("invalid_request: {0}")]
    InvalidRequest(&'static str),
    /// The request's body is over the limit.
    #[error("invalid_request: the request is too large")]
    TooLarge,
    /// A script of an origin that is not registered for the client.
    #[error("invalid_request: {0}")]
    Origin(Cause),
    /// The token is not, or no longer, good; the cause is not for the answer.
    #[error("invalid_token: {0}")]
    InvalidToken(Cause),
    /// The token is good but may not do this.
    #[error("insufficient_scope: needs {0}")]
    InsufficientScope(&'static str),
    /// A store cannot be reached.
    #[error("unavailable: {0}")]
    Unavailable(Shown),
    /// A fault of ours.
    #[error("internal: {0}")]
    Internal(Shown),
}
