//! RP-initiated logout: whom to believe, and where to send the person afterwards.

use crate::protocol::client::Client;
use crate::protocol::failure::PageFailure;
use crate::protocol::hint::Hint;
use crate::protocol::params::Params;
use crate::protocol::redirect_uri::Mismatch;

/// Every parameter this endpoint knows.
pub const PARAMS: [&str; 6] =
    ["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "logout_hint", "ui_locales"];

/// A logout request whose redirect, if it has one, is proven safe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogoutRequest {
    /// Where the person goes afterwards, `state` included.
    pub redirect: Option<String>,
}

/// Reads a logout request. `client` is the one the hint, or else `client_id`, names.
///
/// Spec: OpenID Connect RP-Initiated Logout §2, §3
pub fn validate(
    params: &Params,
    hint: Option<&Hint>,
    client: Option<&Client>,
) -> Result<LogoutRequest, PageFailure> {
    if let Some(name) = params.repeated() {
        return Err(PageFailure::ParameterRepeated(name));
    }
    if let Some(name) = params.too_long() {
        return Err(PageFailure::ParameterTooLong(name));
    }
    if let (Some(hint), Some(client_id)) = (hint, params.get("client_id"))
        && hint.client_id != client_id
    {
        return Err(PageFailure::HintInvalid("it was issued to another client than client_id".into()));
    }
    let Some(sent) = params.get("post_logout_redirect_uri") else { return Ok(LogoutRequest::default()) };
    // Nobody vouches for a redirect without a hint: the person is asked and stays here.
    let (Some(client), Some(_)) = (client, hint) else { return Ok(LogoutRequest::default()) };
    let registered = &client.metadata.post_logout_redirect_uris;
    if !registered.iter().any(|uri| uri.as_str() == sent) {
        return Err(PageFailure::PostLogoutMismatch(Mismatch::explain(registered.iter(), sent)));
    }
    let redirect = match params.get("state") {
        None => sent.to_owned(),
        Some(state) => {
            let joint = if sent.contains('?') { '&' } else { '?' };
            let state = url::form_urlencoded::byte_serialize(state.as_bytes()).collect::<String>();
            format!("{sent}{joint}state={state}")
        }
    };
    Ok(LogoutRequest { redirect: Some(redirect) })
}
