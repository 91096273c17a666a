//! Failures that a client is told in JSON.

use time::Duration;

use super::told_once;
use crate::protocol::cause::Cause;
use crate::protocol::failure::OAuthError;

/// A failure of an endpoint that clients call: JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", told_once(*.error, .cause.as_ref()))]
pub struct TokenFailure {
    /// HTTP status; 401 for `invalid_client`, else mostly 400.
    pub status: u16,
    /// What is said.
    pub error: OAuthError,
    /// After how many seconds the same request may succeed.
    pub retry_after: Option<u32>,
    /// The precise cause: for the log and for the client's developer, never for the answer.
    pub cause: Option<Cause>,
}

/// A store that cannot be reached is asked again in a moment.
const MOMENT: u32 = 5;

impl TokenFailure {
    /// A 400 with this error.
    pub fn bad_request(code: &'static str, description: &'static str) -> TokenFailure {
        TokenFailure {
            status: 400,
            error: OAuthError::new(code, description),
            retry_after: None,
            cause: None,
        }
    }

    /// The same failure with its cause.
    pub fn because(self, cause: impl Into<Cause>) -> TokenFailure {
        TokenFailure { cause: Some(cause.into()), ..self }
    }

    /// The one answer for every code that cannot be redeemed; the cause is not for the answer.
    pub fn invalid_grant(cause: impl Into<Cause>) -> TokenFailure {
        TokenFailure::bad_request("invalid_grant", "the authorization code is not valid").because(cause)
    }

    /// 401: client authentication failed. The answer carries a challenge, whatever was presented.
    ///
    /// Spec: RFC 9110 §15.5.2
    pub fn invalid_client(cause: impl Into<Cause>) -> TokenFailure {
        TokenFailure {
            status: 401,
            error: OAuthError::new("invalid_client", "client authentication failed"),
            retry_after: None,
            cause: Some(cause.into()),
        }
    }

    /// 429: too many wrong secrets came, and for this long none is looked at.
    pub fn held_off(left: Duration) -> TokenFailure {
        let cause = Cause::new("too many wrong secrets came from this address, or for this client");
        TokenFailure {
            status: 429,
            error: OAuthError::new("temporarily_unavailable", "too many wrong client secrets"),
            retry_after: Some(u32::try_from(left.whole_seconds()).unwrap_or(u32::MAX).saturating_add(1)),
            cause: Some(cause.mend("find what still sends an old secret")),
        }
    }

    /// 503: a store cannot be reached; the same request may succeed in a moment.
    pub fn unavailable(cause: impl Into<Cause>) -> TokenFailure {
        TokenFailure {
            status: 503,
            error: OAuthError::new("temporarily_unavailable", "try again in a moment"),
            retry_after: Some(MOMENT),
            cause: Some(cause.into()),
        }
    }

    /// 500: a fault of ours.
    pub fn server_error(cause: impl Into<Cause>) -> TokenFailure {
        TokenFailure {
            status: 500,
            error: OAuthError::new("server_error", "the server failed"),
            retry_after: None,
            cause: Some(cause.into()),
        }
    }
}
