//! The rules: pure functions, and the types they decide on. No async, IO, clock, randomness, HTTP framework
//! or database in here; everything comes in by argument.

pub mod shown; // text from outside, cut for the log
pub mod params; // request parameters, parsed once
pub mod cause; // the precise cause of a failure
pub mod refusal; // an error and its cause, without a place to send it
pub mod instant; // instants in the future

pub mod signing_alg;
pub mod client; // a registered Relying Party: its metadata and its authentication
pub mod subject; // the `sub` of a person for a client
pub mod localized; // texts of a client in several languages
pub mod redirect_uri;
pub mod registration; // client metadata as described, for a new client or a changed one
pub mod resource; // resources: the APIs that tokens are for
pub mod lifetimes; // how long what is issued lives
pub mod scope;
pub mod names; // permitted characters of names, and names that look alike
pub mod addresses; // e-mail addresses
pub mod user; // a person's account

pub mod request; // the authorization request: one file for each rule
pub mod decide; // the decision on it
pub mod acr; // levels of authentication
pub mod consent;
pub mod hint; // ID Tokens that are sent back as hints
pub mod named_claims; // claims requested by name
pub mod pkce;
pub mod reply; // authorization responses: where and how they are sent
pub mod session; // the accounts signed in in one browser

pub mod grant_type; // the ways to tokens
pub mod client_credentials; // what a client may have for itself
pub mod grant; // the record that tokens are issued from
pub mod code; // redeeming an authorization code
pub mod user_code; // what a device shows and a person enters
pub mod device; // the request of a device, the decision on it, and the polls
pub mod family; // families of refresh tokens, and how long they last
pub mod refresh; // the decision on a presented refresh token
pub mod revoked; // why a grant was revoked
pub mod claims; // the claims of issued tokens
pub mod bearer; // access tokens that are presented
pub mod presented; // tokens that are introspected or revoked
pub mod introspection; // who may know what a token says
pub mod logout;
pub mod cookies; // cookies of a request
pub mod locales; // language negotiation
pub mod discovery; // the provider's metadata, generated from the running configuration

pub mod event; // the catalogue of events
pub mod span; // spans of time as people write them
