//! Who asks, and where the answer may go. Until both are known every failure is a page.

use crate::protocol::client::Client;
use crate::protocol::failure::{AuthorizeFailure, OAuthError, PageFailure};
use crate::protocol::params::Params;
use crate::protocol::redirect_uri::Mismatch;
use crate::protocol::reply::{ReplyTo, ResponseMode};
use crate::protocol::request_object::{self, Said};

/// Names the client of a request, before anything else is looked at.
pub fn client_id(params: &Params) -> Result<&str, PageFailure> {
    for name in ["client_id", "redirect_uri", "request", "request_uri"] {
        if params.is_repeated(name) {
            return Err(PageFailure::ParameterRepeated(name));
        }
    }
    params.get("client_id").ok_or(PageFailure::ClientIdMissing)
}

/// Proves the place where this request may be answered.
///
/// Spec: RFC 6749 §4.1.2.1, RFC 9700 §4.1.3
pub fn establish(params: &Params, client: &Client, issuer: &str) -> Result<ReplyTo, AuthorizeFailure> {
    if params.is_too_long("state") {
        return Err(PageFailure::ParameterTooLong("state").into());
    }
    let sent = params.get("redirect_uri");
    let registered = &client.metadata.redirect_uris;
    let application_type = client.metadata.application_type;
    let matches = |sent: &str| registered.iter().any(|uri| uri.matches(sent, application_type));
    // An error says what is wrong with `response_mode`, or with anything else, in the mode that was asked
    // for, as far as that can be told.
    let reply_to = |uri: &str, said: Said| {
        let is_clear = !params.is_repeated("response_mode");
        let asked = params.get("response_mode").or(said.response_mode.as_deref()).filter(|_| is_clear);
        let mode = asked.and_then(|asked| ResponseMode::parse(asked, uri).ok()).unwrap_or_default();
        let state = params.get("state").or(said.state.as_deref());
        ReplyTo::new(uri, mode, state, issuer, &client.metadata)
    };
    if let Some((error, said)) = unsupported(params) {
        return Err(match sent {
            Some(uri) if matches(uri) => reply_to(uri, said).failure(error.code, error.description),
            _ => PageFailure::RequestNotSupported(error).into(),
        });
    }
    match sent {
        None => Err(PageFailure::RedirectUriMissing.into()),
        Some(uri) if matches(uri) => Ok(reply_to(uri, Said::default())),
        Some(uri) => Err(PageFailure::RedirectUriMismatch(Mismatch::explain(registered.iter(), uri)).into()),
    }
}

/// The error for a request that is passed as an object or by reference, and what the object says of the way
/// back.
///
/// Spec: OpenID Connect Core §3.1.2.6, §6
fn unsupported(params: &Params) -> Option<(OAuthError, Said)> {
    if let Some(object) = params.get("request") {
        let error = OAuthError::new("request_not_supported", "the request parameter is not supported here");
        return Some((error, request_object::said(object)));
    }
    let description = "the request_uri parameter is not supported here";
    let error = OAuthError::new("request_uri_not_supported", description);
    params.get("request_uri").map(|_| (error, Said::default()))
}
