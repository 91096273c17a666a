//! Failures of requests, one file for each form of the answer, each with a table of its failures. A rule's refusal
//! comes from `protocol` and gets its form here. Descriptions on the wire are fixed texts, and text of a request is
//! never reflected in one. The details are for the log and for the page in development mode.

mod authorize; // on a page, or at the Relying Party
mod bearer; // a challenge
mod page; // a page
mod render; // its page
mod token; // JSON

pub use authorize::AuthorizeFailure;
pub use bearer::{BearerFailure, NOT_REGISTERED};
pub use page::PageFailure;
pub use render::failure_page;
pub use token::{MethodNotAllowed, TokenFailure, check_id_tokens, no_key};
