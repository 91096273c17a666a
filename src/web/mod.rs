//! The HTTP vocabulary that endpoints and pages share.

pub mod headers; // what surrounds every request
pub mod extract; // reading requests
pub mod browser; // cookies, and whether a form is our own page's

pub mod ticket; // a pending request, sealed
pub mod pending; // an authorization request as its pages meet it
pub mod hint; // ID Tokens that come back
pub mod sign_out; // what the question "sign out?" carries to its answer

pub mod answer; // writing responses
pub mod failure; // writing failures
pub mod document; // public documents
pub mod cors; // whose scripts may read an answer

pub mod assets; // the style sheet and the icon, by their hashes
pub mod texts; // every visible word
pub mod views; // what each page shows
