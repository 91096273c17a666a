//! Failures in JSON, for clients.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::app::App;
use crate::db::DbError;
use crate::keys::KeyError;
use crate::protocol::cause::Cause;
use crate::protocol::client::{Client, ClientAlg};
use crate::protocol::refusal::{Refusal, SERVER_ERROR, UNAVAILABLE};
use crate::protocol::signing_alg::{self, SigningAlg, no_secret};
use crate::state::StateError;
use crate::web::answer::{RETRY_AFTER, no_store, whole_seconds};

/// A failure of an endpoint that clients call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{refusal}")]
pub struct TokenFailure {
    /// The HTTP status.
    pub status: u16,
    /// The error, and its cause.
    pub refusal: Refusal,
    /// The seconds after which the same request may succeed.
    pub retry_after: Option<u32>,
    /// The challenge of a 401.
    pub challenge: Option<Box<str>>,
}

impl From<Refusal> for TokenFailure {
    /// A refusal as JSON: its error code decides the status.
    ///
    /// Spec: RFC 6749 §5.2
    fn from(refusal: Refusal) -> Self {
        let (status, retry_after) = match refusal.error.code {
            "invalid_client" => (401, None),
            "server_error" => (500, None),
            "temporarily_unavailable" => (503, Some(RETRY_AFTER)),
            _ => (400, None),
        };
        TokenFailure { status, refusal, retry_after, challenge: None }
    }
}

impl TokenFailure {
    /// A 400 with this error.
    pub fn bad_request(code: &'static str, description: &'static str) -> TokenFailure {
        Refusal::new(code, description).into()
    }

    /// The same failure with its cause.
    pub fn because(self, cause: impl Into<Cause>) -> TokenFailure {
        TokenFailure { refusal: self.refusal.because(cause), ..self }
    }

    /// 429: after too many wrong secrets none is verified for this long.
    pub fn held_off(left: Duration) -> TokenFailure {
        let cause = Cause::new("too many wrong secrets came from this address, or for this client");
        let cause = cause.mend("find what still sends an old secret");
        let refusal = Refusal::new("temporarily_unavailable", "too many wrong client secrets");
        TokenFailure::held_back(refusal.because(cause), left)
    }

    /// 429: a limit is reached, for this long.
    pub fn held_back(refusal: Refusal, left: Duration) -> TokenFailure {
        TokenFailure { status: 429, refusal, retry_after: Some(whole_seconds(left)), challenge: None }
    }

    /// 503: a store cannot be reached; the same request may succeed in a moment.
    pub fn unavailable(cause: impl Into<Cause>) -> TokenFailure {
        Refusal::from(UNAVAILABLE).because(cause).into()
    }

    /// 500: the provider failed.
    pub fn server_error(cause: impl Into<Cause>) -> TokenFailure {
        Refusal::from(SERVER_ERROR).because(cause).into()
    }

    /// The same failure with its challenge, which every 401 needs.
    ///
    /// Spec: RFC 9110 §15.5.2
    pub fn challenged(self, issuer: &str) -> TokenFailure {
        let challenge = (self.status == 401).then(|| format!("Basic realm=\"{issuer}\"").into());
        TokenFailure { challenge, ..self }
    }

    /// The error and its cause for the client's developer; none for an ordinary outcome.
    pub fn told(&self) -> Option<(&'static str, Cause)> {
        (!self.refusal.is_ordinary()).then(|| self.refusal.report())
    }
}

/// The refusal for a client without a key for its ID Tokens. Where the configuration promises one, it is logged as an
/// error.
pub fn no_key(app: &App, alg: SigningAlg) -> Refusal {
    let algorithms = &app.config.keys.algorithms;
    let refusal = signing_alg::no_key(alg, algorithms);
    if algorithms.contains(&alg) {
        tracing::error!(cause = %refusal, "a key that is to sign is missing");
    }
    refusal
}

/// Refuses a client whose ID Tokens nothing can sign.
pub fn check_id_tokens(app: &App, client: &Client, now: OffsetDateTime) -> Result<(), Refusal> {
    match client.metadata.id_token_signed_response_alg {
        ClientAlg::Signed(named) if !app.keys.snapshot.load().signs(named.alg()) => {
            Err(no_key(app, named.alg()))
        }
        ClientAlg::HS256 if client.secrets.signing(None, now).is_none() => Err(no_secret()),
        ClientAlg::Signed(_) | ClientAlg::HS256 => Ok(()),
    }
}

impl ResponseError for TokenFailure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Spec: RFC 6749 §5.2
    fn error_response(&self) -> HttpResponse {
        let mut res = HttpResponse::build(self.status_code());
        no_store(&mut res);
        if let Some(seconds) = self.retry_after {
            res.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some(challenge) = &self.challenge {
            res.insert_header((header::WWW_AUTHENTICATE, &**challenge));
        }
        res.json(
            json!({ "error": self.refusal.error.code, "error_description": self.refusal.error.description }),
        )
    }
}

/// The method is none of those that this address allows.
#[derive(Debug, thiserror::Error)]
#[error("method not allowed")]
pub struct MethodNotAllowed {
    /// The allowed methods.
    pub allow: &'static str,
}

impl ResponseError for MethodNotAllowed {
    fn status_code(&self) -> StatusCode {
        StatusCode::METHOD_NOT_ALLOWED
    }

    fn error_response(&self) -> HttpResponse {
        let mut res = HttpResponse::MethodNotAllowed();
        no_store(&mut res);
        res.insert_header((header::ALLOW, self.allow));
        res.json(
            json!({ "error": "invalid_request", "error_description": "this method is not allowed here" }),
        )
    }
}

impl From<DbError> for TokenFailure {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unreachable { .. } => TokenFailure::unavailable(error.to_string()),
            other => TokenFailure::server_error(other.to_string()),
        }
    }
}

impl From<KeyError> for TokenFailure {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::OutOfTouch(_) => TokenFailure::unavailable(error.to_string()),
            other => TokenFailure::server_error(other.to_string()),
        }
    }
}

impl From<StateError> for TokenFailure {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Broken(cause) => TokenFailure::server_error(cause),
            other => TokenFailure::unavailable(other.to_string()),
        }
    }
}
