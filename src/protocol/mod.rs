//! The rules: pure functions and the types they decide on. No async, IO, clock, randomness, HTTP
//! framework or database in here; everything comes in by argument.

pub mod shown; // text from outside, cut for the log
pub mod params; // what was sent, parsed once
pub mod cause; // why it failed, precisely
pub mod refusal; // the error that is said and its cause, without a place
pub mod instant; // what an instant in the future means

pub mod signing_alg;
pub mod client; // a registered Relying Party: its metadata, and how it proves who it is
pub mod localized; // what is said of a client in several languages
pub mod redirect_uri;
pub mod registration; // metadata as they are described, for a new client or a changed one
pub mod resource; // the APIs tokens are for
pub mod scope;
pub mod names; // which characters names have, and when two look alike
pub mod addresses; // e-mail addresses
pub mod user; // a person's account

pub mod request; // the authorization request: one file for each rule
pub mod decide; // what to do with it
pub mod acr; // how well somebody has to be authenticated
pub mod consent;
pub mod hint; // ID Tokens that come back
pub mod named_claims; // claims told one by one
pub mod pkce;
pub mod reply; // where and how an authorization response is sent
pub mod session; // who is signed in in one browser

pub mod grant; // what every grant carries
pub mod code; // redeeming an authorization code
pub mod claims; // what tokens say
pub mod bearer; // checking our own access tokens
pub mod logout;
pub mod cookies; // what a browser sends back
pub mod locales; // which language to speak
pub mod discovery; // the provider's metadata, generated from what is live

pub mod event; // the catalogue of what is told
pub mod span; // how spans of time are written
