//! `request` and `request_uri`: request objects. None is accepted; of a refused one only the way to send the
//! error is read.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use crate::protocol::params::{self, Params};
use crate::protocol::refusal::{OAuthError, Refusal};
use crate::secret::from_base64url;

/// The maximum length of an object that is read, in bytes.
const LONGEST: usize = 16 * 1024;

/// Refuses a request that is passed as an object or by reference.
///
/// Spec: OpenID Connect Core §3.1.2.6, §6
pub fn check(params: &Params) -> Result<(), Refusal> {
    unsupported(params).map_or(Ok(()), |error| Err(error.into()))
}

/// The error for a request that is passed as an object or by reference.
pub fn unsupported(params: &Params) -> Option<OAuthError> {
    let has = |name| params.get(name).is_some();
    if has("request") {
        return Some(OAuthError::new("request_not_supported", "the request parameter is not supported here"));
    }
    let description = "the request_uri parameter is not supported here";
    has("request_uri").then(|| OAuthError::new("request_uri_not_supported", description))
}

/// How to send the error for a refused object. Nothing here is verified: it is used for a registered
/// `redirect_uri` only, where plain parameters could have said the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyParams {
    /// The `response_mode` claim.
    pub response_mode: Option<String>,
    /// The `state` claim.
    pub state: Option<String>,
}

/// Reads the payload of a signed or unsigned JWT. Returns nothing for anything else: an encrypted one, one
/// over 16 KiB, a payload that is not a JSON object, one that names a claim twice, or values that could not
/// be parameters.
///
/// Spec: RFC 9101 §4
pub fn reply_params(object: &str) -> ReplyParams {
    let parts: Vec<&str> = object.splitn(4, '.').collect();
    let [_, payload, _] = parts.as_slice() else { return ReplyParams::default() };
    if object.len() > LONGEST {
        return ReplyParams::default();
    }
    let payload = from_base64url(payload).unwrap_or_default();
    serde_json::from_slice(&payload).unwrap_or_default()
}

impl<'de> Deserialize<'de> for ReplyParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ReplyParams, D::Error> {
        deserializer.deserialize_map(Claims)
    }
}

struct Claims;

impl<'de> Visitor<'de> for Claims {
    type Value = ReplyParams;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ReplyParams, A::Error> {
        let (mut said, mut seen) = (ReplyParams::default(), BTreeSet::new());
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            match name.as_str() {
                "response_mode" => said.response_mode = parameter("response_mode", value),
                "state" => said.state = parameter("state", value),
                _ => (),
            }
            if !seen.insert(name) {
                return Err(A::Error::custom("a claim is there twice"));
            }
        }
        Ok(said)
    }
}

/// A value, if it could have been sent as a parameter of this name.
fn parameter(name: &str, value: Value) -> Option<String> {
    let Value::String(text) = value else { return None };
    (!text.is_empty() && !text.contains('\0') && !params::is_over_limit(name, &text)).then_some(text)
}
