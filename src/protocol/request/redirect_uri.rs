//! `redirect_uri`: where the answer may go. Until that is proven, every failure is a page.

use crate::protocol::client::Client;
use crate::protocol::params::Params;
use crate::protocol::redirect_uri::Mismatch;
use crate::protocol::reply::{ReplyTo, ResponseMode};
use crate::protocol::request::object;
use crate::protocol::request::unanswerable::Unanswerable;

/// Proves the place where this request may be answered.
///
/// An error, about `response_mode` or anything else, is sent in the requested mode as far as that can be
/// read. Of a request object, which is refused, the mode and the state are read for that only.
///
/// Spec: RFC 6749 §4.1.2.1, RFC 9700 §4.1.3
pub fn reply_to(params: &Params, client: &Client, issuer: &str) -> Result<ReplyTo, Unanswerable> {
    if params.is_too_long("state") {
        return Err(Unanswerable::ParameterTooLong("state"));
    }
    let registered = &client.metadata.redirect_uris;
    let application_type = client.metadata.application_type;
    let matches = |sent: &&str| registered.iter().any(|uri| uri.matches(sent, application_type));
    let sent = params.get("redirect_uri");
    let Some(uri) = sent.filter(matches) else {
        return Err(match (object::unsupported(params), sent) {
            (Some(error), _) => Unanswerable::NotSupported(error),
            (None, None) => Unanswerable::RedirectUriMissing,
            (None, Some(sent)) => {
                Unanswerable::RedirectUriMismatch(Mismatch::explain(registered.iter(), sent))
            }
        });
    };
    let said = params.get("request").map(object::reply_params).unwrap_or_default();
    let asked = params.get("response_mode").or(said.response_mode.as_deref());
    let asked = asked.filter(|_| !params.is_repeated("response_mode"));
    let mode = asked.and_then(|asked| ResponseMode::parse(asked, uri).ok()).unwrap_or_default();
    let state = params.get("state").or(said.state.as_deref());
    Ok(ReplyTo::new(uri, mode, state, issuer, &client.metadata))
}
