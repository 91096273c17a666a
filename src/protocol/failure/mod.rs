//! How a request can fail, by the shape of its answer. Descriptions on the wire are fixed texts: what was
//! sent is never reflected. The particulars are for the log and the development page.

mod authorize; // on a page, or at the Relying Party
mod bearer; // a challenge
mod page;
mod token; // JSON

use std::fmt;

pub use authorize::AuthorizeFailure;
pub use bearer::BearerFailure;
pub use page::PageFailure;
pub use token::TokenFailure;

use crate::protocol::cause::Cause;

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

/// A code with the cause, which is more precise than the description that goes over the wire; with the
/// description where there is no cause.
fn told_once(error: OAuthError, cause: Option<&Cause>) -> String {
    cause.map_or_else(|| error.to_string(), |cause| format!("{}: {cause}", error.code))
}
