//! Failures of an authorization request.

use super::told_once;
use crate::protocol::cause::Cause;
use crate::protocol::failure::{OAuthError, PageFailure};
use crate::protocol::reply::ReplyTo;

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
