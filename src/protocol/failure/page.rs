//! Failures that a person sees.

use time::OffsetDateTime;

use crate::protocol::cause::Cause;
use crate::protocol::failure::OAuthError;
use crate::protocol::params::Undecodable;
use crate::protocol::redirect_uri::Mismatch;
use crate::protocol::shown::Shown;

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
    /// A script, or anything else that is no navigation, asked for a page.
    #[error("the request is no navigation (Sec-Fetch-Mode)")]
    NotNavigated,
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
            PageFailure::NotNavigated => "not-navigated",
            PageFailure::StateDown(_) => "state-down",
            PageFailure::RateLimited { .. } => "rate-limited",
            PageFailure::Busy(_) => "busy",
            PageFailure::Internal(_) => "internal",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            PageFailure::CrossSite(_) | PageFailure::NotNavigated => 403,
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
