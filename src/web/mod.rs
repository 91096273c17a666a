//! The HTTP vocabulary that endpoints and pages share.

pub mod route; // who calls one, and what follows from that
pub mod around; // what surrounds every request
pub mod visit; // a request as its handler meets it
pub mod metrics; // requests, by route
pub mod extract; // reading requests
pub mod body; // bodies that come too slowly
pub mod client_auth; // which client asks, proven
pub mod browser; // its cookies, and where its requests came from
pub mod language; // which language to answer in

pub mod ticket; // a pending request, sealed
pub mod packed; // parameters for a long ticket
pub mod pending; // an authorization request as its pages meet it
pub mod hint; // ID Tokens that come back
pub mod sealed; // values that travel with a browser
pub mod login_retry; // what a failed attempt to sign in carries to the page that says so
pub mod sign_out; // what the question "sign out?" carries to its answer

pub mod answer; // writing responses
pub mod failure; // writing failures
pub mod reply; // sending an authorization response
pub mod debug; // what goes wrong for a client, kept for its developer
pub mod document; // public documents

pub mod assets; // style sheet, script and icon, by their hashes
pub mod shell; // what every page needs around its content
pub mod cards; // how pages show an application and an account
pub mod error_page; // the page of a failure
