//! The rules: pure functions and the types they decide on. No async, IO, clock, randomness, HTTP
//! framework or database in here; everything comes in by argument.

pub mod authorize; // the authorization request and what to do with it
pub mod bearer;
pub mod claims; // what tokens say
pub mod client; // a registered Relying Party
pub mod client_auth;
pub mod code; // redeeming an authorization code
pub mod consent;
pub mod failure; // how a request can fail, by the shape of its answer
pub mod logout;
pub mod metadata; // discovery, generated from what is live
pub mod params; // what was sent, parsed once
pub mod pkce;
pub mod prompt;
pub mod redirect_uri;
pub mod reply; // where and how an authorization response is sent
pub mod resource; // the APIs tokens are for
pub mod scope;
pub mod session; // who is signed in in one browser
pub mod user; // a person's account // checking our own access tokens
