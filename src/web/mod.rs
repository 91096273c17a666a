//! The HTTP vocabulary that endpoints and pages share.

pub mod route; // a route: its callers, and what follows from them
pub mod around; // the middleware around every request
pub mod instant; // the instant for which a request is decided
pub mod visit; // a request as its handler meets it
pub mod metrics; // requests, by route
pub mod extract; // reading requests
pub mod body; // bodies: time limit and wiping
pub mod client_auth; // client authentication
mod client_assertion; // by a signed statement
pub mod browser; // cookies, and the origin of requests
pub mod language; // the language of a request

pub mod ticket; // a pending request, sealed
pub mod packed; // compressed parameters of a long ticket
pub mod pending; // a request as its pages meet it
pub mod hint; // ID Tokens that are sent back
pub mod sealed; // sealed values in forms and addresses
pub mod login_retry; // the result of a failed sign-in, for its page
pub mod sign_out; // the fields of the sign-out form

pub mod answer; // writing responses
pub mod failure; // writing failures
pub mod reply; // sending an authorization response
pub mod presented; // tokens that are introspected or revoked
pub mod debug; // failures of a client, stored for its developer
pub mod document; // public documents

pub mod assets; // style sheet, script and icon, by their hashes
pub mod shell; // the data of every page's layout
pub mod cards; // views of an application and of an account
pub mod permissions; // what an application asks for, in words
pub mod error_page; // the page of a failure
