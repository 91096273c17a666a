//! The HTTP vocabulary that endpoints and pages share.

pub mod answer; // writing responses
pub mod browser; // cookies, and whether a form is our own page's
pub mod cors; // whose scripts may read an answer
pub mod document; // public documents
pub mod extract; // reading requests
pub mod failure; // writing failures
pub mod headers;
pub mod hint; // ID Tokens that come back
pub mod pending; // an authorization request as its pages meet it
pub mod sign_out; // what the question carries to its answer
pub mod ticket; // a pending request, sealed // what surrounds every request

pub mod assets; // the style sheet and the icon, by their hashes
pub mod texts; // every visible word
pub mod views; // what each page shows
