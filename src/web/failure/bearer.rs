//! Failures of a resource that takes access tokens.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

use crate::db::DbError;
use crate::keys::KeyError;
use crate::protocol::bearer::TokenFault;
use crate::protocol::cause::Cause;
use crate::protocol::refusal::{SERVER_ERROR, UNAVAILABLE};
use crate::protocol::shown::Shown;
use crate::state::StateError;
use crate::web::answer::{RETRY_AFTER, no_store};

/// The description for a script of an unregistered origin.
pub const NOT_REGISTERED: &str = "the origin of this script is not registered for the client";

/// A failure of a resource that takes access tokens.
///
/// Spec: RFC 6750 §3
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BearerFailure {
    /// There is no token: the challenge has no error.
    #[error("no access token was presented")]
    Missing,
    /// The request itself is malformed.
    #[error("invalid_request: {0}")]
    InvalidRequest(&'static str),
    /// The request's body is over its limit.
    #[error("invalid_request: the request is too large")]
    TooLarge,
    /// A script of an origin that is not registered for the client.
    #[error("invalid_request: {0}")]
    Origin(Cause),
    /// The token is refused.
    #[error(transparent)]
    Token(#[from] TokenFault),
    /// A store cannot be reached.
    #[error("unavailable: {0}")]
    Unavailable(Shown),
    /// The provider failed.
    #[error("internal: {0}")]
    Internal(Shown),
}

/// The HTTP status, the error code and the description.
type Row = (u16, &'static str, &'static str);

impl BearerFailure {
    /// The table: one row for each failure.
    fn row(&self) -> Row {
        match self {
            // A challenge to a request without a token has no error (RFC 6750 §3.1).
            BearerFailure::Missing => (401, "", ""),
            BearerFailure::InvalidRequest(description) => (400, "invalid_request", description),
            BearerFailure::TooLarge => (413, "invalid_request", "the request is too large"),
            BearerFailure::Origin(_) => (400, "invalid_request", NOT_REGISTERED),
            BearerFailure::Token(TokenFault::Invalid(_)) => {
                (401, "invalid_token", "the access token is not valid")
            }
            BearerFailure::Token(TokenFault::LacksScope(_)) => {
                (403, "insufficient_scope", "the access token lacks a scope")
            }
            BearerFailure::Unavailable(_) => (503, UNAVAILABLE.code, UNAVAILABLE.description),
            BearerFailure::Internal(_) => (500, SERVER_ERROR.code, SERVER_ERROR.description),
        }
    }

    /// The error and its cause for the client's developer; none where the client is not at fault.
    pub fn told(&self) -> Option<(&'static str, Cause)> {
        let (_, code, description) = self.row();
        let cause = match self {
            BearerFailure::Missing | BearerFailure::Unavailable(_) | BearerFailure::Internal(_) => {
                return None;
            }
            BearerFailure::InvalidRequest(_) | BearerFailure::TooLarge => description.into(),
            BearerFailure::Origin(cause) | BearerFailure::Token(TokenFault::Invalid(cause)) => cause.clone(),
            BearerFailure::Token(TokenFault::LacksScope(needed)) => {
                Cause::new(description).with("needed", needed)
            }
        };
        Some((code, cause))
    }

    /// The challenge; none where the provider failed.
    ///
    /// Spec: RFC 6750 §3
    fn challenge(&self) -> Option<String> {
        let (_, code, description) = self.row();
        let scope = match self {
            BearerFailure::Missing => return Some("Bearer".into()),
            BearerFailure::Unavailable(_) | BearerFailure::Internal(_) => return None,
            BearerFailure::Token(TokenFault::LacksScope(scope)) => format!(", scope=\"{scope}\""),
            _ => String::new(),
        };
        Some(format!("Bearer error=\"{code}\", error_description=\"{description}\"{scope}"))
    }
}

impl ResponseError for BearerFailure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.row().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Spec: RFC 6750 §3, §3.1
    fn error_response(&self) -> HttpResponse {
        let mut res = HttpResponse::build(self.status_code());
        no_store(&mut res);
        if let Some(challenge) = self.challenge() {
            res.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        if matches!(self, BearerFailure::Missing) {
            return res.finish();
        }
        if matches!(self, BearerFailure::Unavailable(_)) {
            res.insert_header((header::RETRY_AFTER, RETRY_AFTER));
        }
        let (_, code, description) = self.row();
        res.json(json!({ "error": code, "error_description": description }))
    }
}

impl From<DbError> for BearerFailure {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unreachable { .. } => BearerFailure::Unavailable(Shown::of(&error)),
            other => BearerFailure::Internal(Shown::of(&other)),
        }
    }
}

/// A signed answer lacks its key.
impl From<KeyError> for BearerFailure {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::NoKey(_) | KeyError::OutOfTouch(_) => BearerFailure::Unavailable(Shown::of(&error)),
            other => BearerFailure::Internal(Shown::of(&other)),
        }
    }
}

impl From<StateError> for BearerFailure {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Broken(cause) => BearerFailure::Internal(cause.into()),
            other => BearerFailure::Unavailable(Shown::of(&other)),
        }
    }
}
