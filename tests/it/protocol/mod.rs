//! The pure rules: tables of what is said to what, then properties that hold for any input.

mod acr;
mod addresses;
mod bearer;
mod claims;
mod client;
mod client_credentials;
mod code;
mod cookies;
mod decide;
mod device;
mod family;
mod grant;
mod grant_type;
mod hint;
mod instant;
mod introspection;
mod lifetimes;
mod locales;
mod localized;
mod logout;
mod named_claims;
mod names;
mod params;
mod pkce;
mod presented;
mod redirect_uri;
mod refresh;
mod refusal;
mod registration;
mod reply;
mod request;
mod resource;
mod revoked;
mod scope;
mod session;
mod shown;
mod signing_alg;
mod subject;
mod user;
mod user_code;

use countersign::protocol::client::Client;
use countersign::protocol::params::Params;
use serde_json::Value;

use crate::support::rp::registered;

/// A client with these metadata and the secret `s3cret`.
pub fn client(metadata: Value) -> Client {
    registered("app", Some("s3cret"), metadata)
}

/// Parameters as they would arrive.
pub fn params(pairs: &[(&str, &str)], known: &[&'static str]) -> Params {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs);
    Params::parse(form.finish().as_bytes(), known).unwrap()
}
