//! Failures that are shown on a page.

use actix_web::ResponseError;
use actix_web::http::StatusCode;
use time::OffsetDateTime;

use crate::db::DbError;
use crate::protocol::cause::Cause;
use crate::protocol::params::Undecodable;
use crate::protocol::request::Unanswerable;
use crate::protocol::shown::Shown;
use crate::state::StateError;

/// A failure that is shown on a page of the provider, because no redirect is safe or due.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PageFailure {
    /// An authorization request without a proven address to answer at.
    #[error(transparent)]
    Unanswerable(#[from] Unanswerable),
    /// The parameters are not form-encoded UTF-8.
    #[error("undecodable parameters: {0}")]
    Undecodable(#[from] Undecodable),
    /// The body, or the part of it that would have to be stored, is over its limit.
    #[error("the request is too large")]
    BodyTooLarge,
    /// The body arrived too slowly, or the connection broke.
    #[error("the body did not arrive whole in time")]
    BodyIncomplete,
    /// The request target is over its limit.
    #[error("the request target is too long")]
    TargetTooLong,
    /// The head of the request is over its limit.
    #[error("the head of the request is too large")]
    HeadTooLarge,
    /// The body has another content type than a form.
    #[error("the content type is not application/x-www-form-urlencoded")]
    ContentType,
    /// The method is none of those that this address allows.
    #[error("method not allowed")]
    Method(&'static str),
    /// There is no route at this address.
    #[error("not found")]
    NotFound,
    /// The ticket of a page is older than a day.
    #[error("the ticket has expired")]
    TicketExpired {
        /// The application's name, and the address to start again at.
        back: Option<(String, String)>,
    },
    /// The ticket was not sealed here, or was changed.
    #[error("the ticket cannot be opened")]
    TicketTampered,
    /// The browser sent no cookie of this provider.
    #[error("the browser sent no cookie of ours")]
    CookiesOff,
    /// The form was sent from another site, or with another browser's token.
    #[error("the form was not sent from our own page: {0}")]
    CrossSite(&'static str),
    /// The request for a page is no navigation; a script or an image made it.
    #[error("the request is no navigation (Sec-Fetch-Mode)")]
    NotNavigated,
    /// The state store cannot be reached. Sessions stay.
    #[error("the state store cannot be reached: {0}")]
    StateDown(Shown),
    /// A budget of requests is used up; nothing was done.
    #[error("no room in the budget of {budget} before {until}")]
    RateLimited {
        /// The budget.
        budget: &'static str,
        /// When a request fits into it again.
        until: OffsetDateTime,
    },
    /// The provider is overloaded, or its database cannot be reached.
    #[error("busy: {0}")]
    Busy(Shown),
    /// The provider failed.
    #[error("internal: {0}")]
    Internal(Shown),
}

/// The name of the failure's texts (`error-<name>-title`, `-what`, `-next`), the HTTP status, and the OAuth error code,
/// which is for the developer who reads the page.
type Row = (&'static str, u16, Option<&'static str>);

impl PageFailure {
    /// The table: one row for each failure.
    fn row(&self) -> Row {
        const INVALID_REQUEST: Option<&str> = Some("invalid_request");
        const LATER: Option<&str> = Some("temporarily_unavailable");
        match self {
            PageFailure::Unanswerable(why) => (why.row().0, 400, Some(why.row().1)),
            PageFailure::Undecodable(_) => ("undecodable", 400, INVALID_REQUEST),
            PageFailure::BodyTooLarge => ("too-large", 413, INVALID_REQUEST),
            PageFailure::BodyIncomplete => ("incomplete", 408, INVALID_REQUEST),
            PageFailure::TargetTooLong => ("too-large", 414, INVALID_REQUEST),
            PageFailure::HeadTooLarge => ("too-large", 431, INVALID_REQUEST),
            PageFailure::ContentType => ("content-type", 415, INVALID_REQUEST),
            PageFailure::Method(_) => ("method", 405, None),
            PageFailure::NotFound => ("not-found", 404, None),
            PageFailure::TicketExpired { .. } => ("ticket-expired", 400, None),
            PageFailure::TicketTampered => ("ticket-tampered", 400, None),
            PageFailure::CookiesOff => ("cookies-off", 400, None),
            PageFailure::CrossSite(_) => ("cross-site", 403, None),
            PageFailure::NotNavigated => ("not-navigated", 403, None),
            PageFailure::StateDown(_) => ("state-down", 503, LATER),
            PageFailure::RateLimited { .. } => ("rate-limited", 429, LATER),
            PageFailure::Busy(_) => ("busy", 503, LATER),
            PageFailure::Internal(_) => ("internal", 500, Some("server_error")),
        }
    }

    /// The name of its texts: `error-<name>-title`, `-what`, `-next`.
    pub fn name(&self) -> &'static str {
        self.row().0
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.row().1
    }

    /// The OAuth error code, if there is one.
    pub fn code(&self) -> Option<&'static str> {
        self.row().2
    }

    /// The cause with its details.
    pub fn cause(&self) -> Cause {
        match self {
            PageFailure::Unanswerable(why) => why.cause(),
            other => Cause::new(other.to_string()),
        }
    }

    /// The error and its cause for the client's developer; none for a failure that concerns the browser alone.
    pub fn told(&self) -> Option<(&'static str, Cause)> {
        Some((self.code()?, self.cause()))
    }
}

// The middleware renders the page, because that takes the request. These answers are sent only where it cannot.
impl ResponseError for PageFailure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<DbError> for PageFailure {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unreachable { .. } => PageFailure::Busy(Shown::of(&error)),
            other => PageFailure::Internal(Shown::of(&other)),
        }
    }
}

impl From<StateError> for PageFailure {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Broken(cause) => PageFailure::Internal(cause.into()),
            StateError::Unreachable(why) => PageFailure::StateDown(why.into()),
            StateError::Contended => PageFailure::StateDown(Shown::of(&error)),
        }
    }
}
