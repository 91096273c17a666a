//! Refusals: the error of a refused request, and its cause. A rule returns one without knowing where it is
//! sent: an endpoint answers it as JSON, or at the redirect URI that it has proven.

use std::fmt;

use crate::protocol::cause::Cause;

/// An OAuth error code with its description, both as they are sent. Descriptions are fixed texts: request
/// text is never reflected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OAuthError {
    /// One of the registered error codes.
    pub code: &'static str,
    /// A fixed sentence in the characters that RFC 6749 allows there.
    pub description: &'static str,
}

impl OAuthError {
    /// Pairs a code with a sentence.
    pub const fn new(code: &'static str, description: &'static str) -> OAuthError {
        OAuthError { code, description }
    }
}

/// A store or a key is missing for now: the same request may succeed in a moment.
pub const UNAVAILABLE: OAuthError = OAuthError::new("temporarily_unavailable", "try again in a moment");
/// The provider failed.
pub const SERVER_ERROR: OAuthError = OAuthError::new("server_error", "the server failed");

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.description)
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error that is sent.
    pub error: OAuthError,
    /// The cause, where the description does not say everything. It is for the log and for the client's
    /// developer, never for the answer.
    pub cause: Option<Box<Cause>>,
}

impl Refusal {
    /// A refusal whose description says everything.
    pub const fn new(code: &'static str, description: &'static str) -> Refusal {
        Refusal { error: OAuthError::new(code, description), cause: None }
    }

    /// Adds the cause.
    pub fn because(self, cause: impl Into<Cause>) -> Refusal {
        Refusal { cause: Some(Box::new(cause.into())), ..self }
    }

    /// Adds a particular to the cause, if there is one.
    pub fn with(self, name: &'static str, value: impl fmt::Display) -> Refusal {
        Refusal { cause: self.cause.map(|cause| Box::new(cause.with(name, value))), ..self }
    }

    /// The report for the client's developer: the error code and the cause.
    pub fn report(&self) -> (&'static str, Cause) {
        let cause = self.cause.as_deref().cloned();
        (self.error.code, cause.unwrap_or_else(|| self.error.description.into()))
    }

    /// Tells whether this is an ordinary outcome: nothing failed, but a silent request needs the person, or a
    /// device has to wait for one. A refusal with a cause is a fault, whatever its code.
    ///
    /// Spec: OpenID Connect Core §3.1.2.6, RFC 8628 §3.5
    pub fn is_ordinary(&self) -> bool {
        const OUTCOMES: [&str; 5] = [
            "login_required", "interaction_required", "consent_required", "account_selection_required",
            "authorization_pending",
        ];
        self.cause.is_none() && OUTCOMES.contains(&self.error.code)
    }
}

impl From<OAuthError> for Refusal {
    fn from(error: OAuthError) -> Self {
        Refusal { error, cause: None }
    }
}

/// The code with the cause, which is more precise than the description; with the description if there is no
/// cause.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(f, "{}: {cause}", self.error.code),
            None => self.error.fmt(f),
        }
    }
}
