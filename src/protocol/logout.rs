//! RP-initiated logout: which hint is accepted, and where the person goes afterwards. An invalid request
//! loses its redirect, never the sign-out.

use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::hint::Hint;
use crate::protocol::params::Params;
use crate::protocol::redirect_uri::Mismatch;

/// Every parameter of this endpoint.
pub const PARAMS: [&str; 6] =
    ["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "logout_hint", "ui_locales"];

/// Where the person goes after signing out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// No redirect was requested: a page of the provider confirms the sign-out.
    Here,
    /// To this address, with `state`. It is registered for the client that the hint or `client_id` names.
    There(String),
    /// The requested redirect is not safe: the page also explains why the person stays here.
    Stay(Stay),
}

/// Why a redirect is given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stay {
    /// The address is not registered.
    Unregistered(Mismatch),
    /// The request names no client, or one that does not exist.
    Unnamed,
    /// A parameter of the redirect was sent twice, or is too long.
    Unclear(&'static str),
}

impl Stay {
    /// The name of its text: `signed-out-stay-<name>`.
    pub fn name(&self) -> &'static str {
        match self {
            Stay::Unregistered(_) => "unregistered",
            Stay::Unnamed => "unnamed",
            Stay::Unclear(_) => "unclear",
        }
    }

    /// The cause, for the developer of the client.
    pub fn cause(&self) -> Cause {
        match self {
            Stay::Unregistered(mismatch) => mismatch.cause("post_logout_redirect_uri"),
            Stay::Unnamed => {
                Cause::new("post_logout_redirect_uri was sent, and no registered client is named")
                    .mend("send id_token_hint or client_id as well")
            }
            Stay::Unclear(name) => {
                Cause::new("a parameter was sent more than once, or is too long").with("parameter", name)
            }
        }
    }
}

/// The value of a parameter that was sent once and is within its limit.
pub fn clear<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params.get(name).filter(|_| !params.is_repeated(name) && !params.is_too_long(name))
}

/// Tells whether a verified hint belongs to this request.
///
/// Spec: OpenID Connect RP-Initiated Logout §2
pub fn accept(hint: Hint, params: &Params) -> Result<Hint, Cause> {
    match params.get("client_id") {
        Some(client_id) if client_id != hint.client_id => {
            let cause = Cause::new("id_token_hint was issued to another client than client_id");
            Err(cause.with("issued to", hint.client_id))
        }
        _ => Ok(hint),
    }
}

/// Decides where the person goes. `client` is the one that the hint, or else `client_id`, names. Without a
/// hint the redirect happens only after the person has confirmed the sign-out.
///
/// Spec: OpenID Connect RP-Initiated Logout §2, §3, §4
pub fn afterwards(params: &Params, client: Option<&Client>) -> Afterwards {
    let Some(sent) = params.get("post_logout_redirect_uri") else { return Afterwards::Here };
    for name in ["post_logout_redirect_uri", "state"] {
        if params.get(name).is_some() && clear(params, name).is_none() {
            return Afterwards::Stay(Stay::Unclear(name));
        }
    }
    let Some(client) = client else { return Afterwards::Stay(Stay::Unnamed) };
    let registered = &client.metadata.post_logout_redirect_uris;
    if !registered.iter().any(|uri| uri.as_str() == sent) {
        return Afterwards::Stay(Stay::Unregistered(Mismatch::explain(registered.iter(), sent)));
    }
    Afterwards::There(match params.get("state") {
        None => sent.to_owned(),
        Some(state) => {
            let joint = if sent.contains('?') { '&' } else { '?' };
            let state = url::form_urlencoded::byte_serialize(state.as_bytes()).collect::<String>();
            format!("{sent}{joint}state={state}")
        }
    })
}
