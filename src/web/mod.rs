//! The HTTP vocabulary that endpoints and pages share.

pub mod headers; // what surrounds every request
pub mod metrics; // requests, by route
pub mod forwarded; // where a request came from
pub mod extract; // reading requests
pub mod body; // bodies that come too slowly
pub mod browser; // its cookies, and where its requests came from
pub mod language; // which language to answer in

pub mod ticket; // a pending request, sealed
pub mod packed; // parameters for a long ticket
pub mod pending; // an authorization request as its pages meet it
pub mod hint; // ID Tokens that come back
pub mod tried; // what a failed attempt to sign in carries to the page that says so
pub mod sign_out; // what the question "sign out?" carries to its answer

pub mod answer; // writing responses
pub mod failure; // writing failures
pub mod reply; // sending an authorization response
pub mod debug; // what goes wrong for a client, kept for its developer
pub mod document; // public documents
pub mod cors; // whose scripts may read an answer

pub mod assets; // style sheet, script and icon, by their hashes
pub mod views; // what each page shows
