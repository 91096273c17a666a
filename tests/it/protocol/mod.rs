//! The pure rules: tables of what is said to what, then properties that hold for any input.

mod client_auth;
mod code;
mod cookies;
mod decide;
mod instant;
mod locales;
mod localized;
mod logout;
mod named_claims;
mod names;
mod params;
mod redirect_uri;
mod registration;
mod reply;
mod request_object;
mod resources;
mod signing;
mod shown;
mod small;
mod user;

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
