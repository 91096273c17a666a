//! Failures of an authorization request.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};

use crate::db::DbError;
use crate::protocol::cause::Cause;
use crate::protocol::refusal::Refusal;
use crate::protocol::reply::ReplyTo;
use crate::protocol::request::Unanswerable;
use crate::state::StateError;
use crate::web::failure::page::PageFailure;

/// A failed authorization request: on a page, or sent to the Relying Party once its address is proven.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuthorizeFailure {
    /// There is no proven address to answer at.
    #[error(transparent)]
    Page(#[from] PageFailure),
    /// The client and its redirect URI matched: the error is sent there.
    #[error("{refusal} (answered to {})", .reply_to.redirect_uri())]
    Reply {
        /// The proven address.
        reply_to: Box<ReplyTo>,
        /// The error that is sent, and its cause.
        refusal: Refusal,
    },
}

impl AuthorizeFailure {
    /// A refusal that is sent to a proven address.
    pub fn at(reply_to: &ReplyTo, refusal: Refusal) -> AuthorizeFailure {
        AuthorizeFailure::Reply { reply_to: Box::new(reply_to.clone()), refusal }
    }

    /// The error and its cause for the client's developer; none for an ordinary outcome.
    pub fn told(&self) -> Option<(&'static str, Cause)> {
        match self {
            AuthorizeFailure::Page(page) => page.told(),
            AuthorizeFailure::Reply { refusal, .. } => (!refusal.is_ordinary()).then(|| refusal.report()),
        }
    }
}

impl From<Unanswerable> for AuthorizeFailure {
    fn from(why: Unanswerable) -> Self {
        AuthorizeFailure::Page(why.into())
    }
}

impl ResponseError for AuthorizeFailure {
    fn status_code(&self) -> StatusCode {
        match self {
            AuthorizeFailure::Page(page) => page.status_code(),
            AuthorizeFailure::Reply { .. } => StatusCode::SEE_OTHER,
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            AuthorizeFailure::Page(page) => page.error_response(),
            AuthorizeFailure::Reply { .. } => HttpResponse::new(self.status_code()),
        }
    }
}

impl From<DbError> for AuthorizeFailure {
    fn from(error: DbError) -> Self {
        AuthorizeFailure::Page(error.into())
    }
}

impl From<StateError> for AuthorizeFailure {
    fn from(error: StateError) -> Self {
        AuthorizeFailure::Page(error.into())
    }
}
