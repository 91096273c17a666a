//! The pure rules: tables of what is said to what, then properties that hold for any input.

mod client_auth;
mod code;
mod decide;
mod locales;
mod localized;
mod logout;
mod named_claims;
mod params;
mod redirect_uri;
mod reply;
mod resources;
mod signing;
mod small;
mod user;

use countersign::protocol::client::{Client, Metadata};
use countersign::protocol::params::Params;
use countersign::secret::TokenHash;
use serde_json::Value;
use time::OffsetDateTime;

/// A client with these metadata and the secret `s3cret`.
pub fn client(metadata: Value) -> Client {
    let metadata: Metadata = serde_json::from_value(metadata).unwrap();
    let registered_at = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
    Client {
        id: "app".into(),
        secret: Some(TokenHash::of("s3cret")),
        disabled: false,
        registered_at,
        metadata,
    }
}

/// Parameters as they would arrive.
pub fn params(pairs: &[(&str, &str)], known: &[&'static str]) -> Params {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs);
    Params::parse(form.finish().as_bytes(), known).unwrap()
}
