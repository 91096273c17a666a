//! The page of a failure.

use askama::Template;

use crate::web::shell::Shell;

/// The page for a failure that cannot be sent to an application: what happened, and what to do.
///
/// Spec: OAuth 2.0 RFC 6749 §4.1.2.1
#[derive(Clone, Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// The data of the layout.
    pub shell: Shell,
    /// The HTTP status.
    pub status: u16,
    /// The fault in a few words.
    pub title: String,
    /// What happened.
    pub what: String,
    /// What to do next.
    pub next: String,
    /// The error code of the standards.
    pub code: Option<String>,
    /// Details for developers, label and values; development mode only.
    pub details: Vec<(String, Vec<String>)>,
    /// Name and address of the application to go back to.
    pub back: Option<(String, String)>,
}

/// Whether a detail is a literal value such as an address, which is set in a fixed-width font.
fn is_sentence(value: &str) -> bool {
    value.contains(' ')
}
