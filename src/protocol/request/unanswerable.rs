//! Requests without a proven place to answer: each failure is a page.

use crate::protocol::cause::Cause;
use crate::protocol::redirect_uri::Mismatch;
use crate::protocol::refusal::OAuthError;
use crate::protocol::shown::Shown;

/// Why there is no proven place to answer.
///
/// Spec: RFC 6749 §4.1.2.1
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unanswerable {
    /// `client_id` was not sent.
    #[error("client_id is missing")]
    ClientIdMissing,
    /// No such client, or it is disabled.
    #[error("client {0:?} is unknown or disabled")]
    ClientUnknown(Shown),
    /// `redirect_uri` was not sent.
    #[error("redirect_uri is missing")]
    RedirectUriMissing,
    /// `redirect_uri` is none of the registered ones.
    #[error("{}", .0.cause("redirect_uri"))]
    RedirectUriMismatch(Mismatch),
    /// A parameter that decides where to answer was sent twice.
    #[error("{0} was sent more than once")]
    ParameterRepeated(&'static str),
    /// A parameter that would be part of the answer is over its limit.
    #[error("{0} is too long")]
    ParameterTooLong(&'static str),
    /// `request` or `request_uri`, which are not offered, and no registered place to say so.
    #[error("{}", .0.code)]
    NotSupported(OAuthError),
}

impl Unanswerable {
    /// The name of its texts on a page, and the OAuth error code.
    pub fn row(&self) -> (&'static str, &'static str) {
        match self {
            Unanswerable::ClientIdMissing => ("client-id-missing", "invalid_request"),
            Unanswerable::ClientUnknown(_) => ("client-unknown", "invalid_client"),
            Unanswerable::RedirectUriMissing => ("redirect-uri-missing", "invalid_request"),
            Unanswerable::RedirectUriMismatch(_) => ("redirect-uri-mismatch", "invalid_request"),
            Unanswerable::ParameterRepeated(_) => ("parameter-repeated", "invalid_request"),
            Unanswerable::ParameterTooLong(_) => ("too-large", "invalid_request"),
            Unanswerable::NotSupported(error) => ("request-not-supported", error.code),
        }
    }

    /// The precise cause.
    pub fn cause(&self) -> Cause {
        match self {
            Unanswerable::RedirectUriMismatch(mismatch) => mismatch.cause("redirect_uri"),
            other => Cause::new(other.to_string()),
        }
    }
}
