//! How a request can fail, by the shape of its answer, each with a table of its failures. What a rule refuses comes
//! from `protocol` and is given its shape here. Descriptions on the wire are fixed texts: what was sent is never
//! reflected. The particulars are for the log and the development page.

mod authorize; // on a page, or at the Relying Party
mod bearer; // a challenge
mod page; // a page
mod render; // its page
mod token; // JSON

pub use authorize::AuthorizeFailure;
pub use bearer::{BearerFailure, NOT_REGISTERED};
pub use page::PageFailure;
pub use render::failure_page;
pub use token::{MethodNotAllowed, TokenFailure, no_key};
