//! How a request can fail, by the shape of its answer. Descriptions on the wire are fixed texts: what
//! somebody sent is never reflected. The particulars are for the log and the development page.

use std::fmt;

use time::{Duration, OffsetDateTime};

use crate::protocol::cause::Cause;
use crate::protocol::params::Undecodable;
use crate::protocol::redirect_uri::Mismatch;
use crate::protocol::reply::ReplyTo;
use crate::protocol::shown::Shown;

/// An OAuth error code with its description, as both go over the wire.
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

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.description)
    }
}

/// A failure a person sees on a page of ours, because no redirect is safe or due.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PageFailure {
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
    /// The parameters are no form-encoded UTF-8 text.
    #[error("undecodable parameters: {0}")]
    Undecodable(#[from] Undecodable),
    /// The body, or what would have to be kept of it, is over its limit.
    #[error("the request is too large")]
    BodyTooLarge,
    /// The body came too slowly, or the connection broke.
    #[error("the body did not arrive whole in time")]
    BodyIncomplete,
    /// The request target is over its limit.
    #[error("the request target is too long")]
    TargetTooLong,
    /// The head of the request is over its limit.
    #[error("the head of the request is too large")]
    HeadTooLarge,
    /// A parameter without a safe home is over its limit.
    #[error("{0} is too long")]
    ParameterTooLong(&'static str),
    /// A form was sent as something else.
    #[error("the content type is not application/x-www-form-urlencoded")]
    ContentType,
    /// This address answers to these methods only.
    #[error("method not allowed")]
    Method(&'static str),
    /// Nothing lives at this address.
    #[error("not found")]
    NotFound,
    /// `request` or `request_uri`, which are not offered, and no registered place to say so.
    #[error("{}", .0.code)]
    RequestNotSupported(OAuthError),
    /// A sign-in page older than a day.
    #[error("the ticket has expired")]
    TicketExpired {
        /// The application's name and address, to start again from.
        back: Option<(String, String)>,
    },
    /// Not a ticket of ours.
    #[error("the ticket cannot be opened")]
    TicketTampered,
    /// The browser keeps none of our cookies.
    #[error("the browser sent no cookie of ours")]
    CookiesOff,
    /// A form was sent from another site, or with another browser's token.
    #[error("the form was not sent from our own page: {0}")]
    CrossSite(&'static str),
    /// The state store cannot be reached; nobody is signed out.
    #[error("the state store cannot be reached: {0}")]
    StateDown(Shown),
    /// Too often within a while; nothing was done.
    #[error("no room in the budget of {budget} before {until}")]
    RateLimited {
        /// The budget that is used up.
        budget: &'static str,
        /// When it has room again.
        until: OffsetDateTime,
    },
    /// Too much to do at this moment.
    #[error("busy: {0}")]
    Busy(Shown),
    /// A fault of ours.
    #[error("internal: {0}")]
    Internal(Shown),
}

impl PageFailure {
    /// The name of its texts: `error-<name>-title`, `-what`, `-next`.
    pub fn name(&self) -> &'static str {
        match self {
            PageFailure::ClientIdMissing => "client-id-missing",
            PageFailure::ClientUnknown(_) => "client-unknown",
            PageFailure::RedirectUriMissing => "redirect-uri-missing",
            PageFailure::RedirectUriMismatch(_) => "redirect-uri-mismatch",
            PageFailure::ParameterRepeated(_) => "parameter-repeated",
            PageFailure::Undecodable(_) => "undecodable",
            PageFailure::BodyTooLarge
            | PageFailure::TargetTooLong
            | PageFailure::HeadTooLarge
            | PageFailure::ParameterTooLong(_) => "too-large",
            PageFailure::BodyIncomplete => "incomplete",
            PageFailure::ContentType => "content-type",
            PageFailure::Method(_) => "method",
            PageFailure::NotFound => "not-found",
            PageFailure::RequestNotSupported(_) => "request-not-supported",
            PageFailure::TicketExpired { .. } => "ticket-expired",
            PageFailure::TicketTampered => "ticket-tampered",
            PageFailure::CookiesOff => "cookies-off",
            PageFailure::CrossSite(_) => "cross-site",
            PageFailure::StateDown(_) => "state-down",
            PageFailure::RateLimited { .. } => "rate-limited",
            PageFailure::Busy(_) => "busy",
            PageFailure::Internal(_) => "internal",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            PageFailure::CrossSite(_) => 403,
            PageFailure::NotFound => 404,
            PageFailure::Method(_) => 405,
            PageFailure::BodyIncomplete => 408,
            PageFailure::BodyTooLarge => 413,
            PageFailure::TargetTooLong => 414,
            PageFailure::ContentType => 415,
            PageFailure::RateLimited { .. } => 429,
            PageFailure::HeadTooLarge => 431,
            PageFailure::Internal(_) => 500,
            PageFailure::StateDown(_) | PageFailure::Busy(_) => 503,
            _ => 400,
        }
    }

    /// The OAuth error code that names the fault, for the developer reading the page.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            PageFailure::ClientUnknown(_) => Some("invalid_client"),
            PageFailure::ClientIdMissing
            | PageFailure::RedirectUriMissing
            | PageFailure::RedirectUriMismatch(_)
            | PageFailure::ParameterRepeated(_)
            | PageFailure::Undecodable(_)
            | PageFailure::BodyTooLarge
            | PageFailure::BodyIncomplete
            | PageFailure::TargetTooLong
            | PageFailure::HeadTooLarge
            | PageFailure::ParameterTooLong(_)
            | PageFailure::ContentType => Some("invalid_request"),
            PageFailure::RequestNotSupported(error) => Some(error.code),
            PageFailure::StateDown(_) | PageFailure::Busy(_) | PageFailure::RateLimited { .. } => {
                Some("temporarily_unavailable")
            }
            PageFailure::Internal(_) => Some("server_error"),
            _ => None,
        }
    }

    /// Why, precisely.
    pub fn cause(&self) -> Cause {
        match self {
            PageFailure::RedirectUriMismatch(mismatch) => mismatch.cause("redirect_uri"),
            other => Cause::new(other.to_string()),
        }
    }
}

/// A failed authorization request: on a page, or at the Relying Party once that is proven safe.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuthorizeFailure {
    /// No safe place to answer is known.
    #[error(transparent)]
    Page(#[from] PageFailure),
    /// The client and its redirect URI matched: the error goes there.
    #[error("{} (answered to {})", told_once(*.error, .cause.as_deref()), .reply_to.redirect_uri())]
    Reply {
        /// The proven place.
        reply_to: Box<ReplyTo>,
        /// What is said there.
        error: OAuthError,
        /// Why, where the description does not say it all.
        cause: Option<Box<Cause>>,
    },
}

/// A code with the cause, which is more precise than the description that goes over the wire; with the
/// description where there is no cause.
fn told_once(error: OAuthError, cause: Option<&Cause>) -> String {
    cause.map_or_else(|| error.to_string(), |cause| format!("{}: {cause}", error.code))
}

impl AuthorizeFailure {
    /// Tells whether it is an ordinary outcome of a silent request: nothing failed, the person has to be
    /// asked. A refusal with a cause is a fault, whatever its code.
    ///
    /// Spec: OpenID Connect Core §3.1.2.6
    pub fn is_ordinary(&self) -> bool {
        const OUTCOMES: [&str; 4] =
            ["login_required", "interaction_required", "consent_required", "account_selection_required"];
        matches!(self, AuthorizeFailure::Reply { error, cause: None, .. } if OUTCOMES.contains(&error.code))
    }

    /// The same failure with its particulars.
    pub fn because(self, why: Cause) -> AuthorizeFailure {
        match self {
            AuthorizeFailure::Reply { reply_to, error, .. } => {
                AuthorizeFailure::Reply { reply_to, error, cause: Some(Box::new(why)) }
            }
            page @ AuthorizeFailure::Page(_) => page,
        }
    }
}

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
