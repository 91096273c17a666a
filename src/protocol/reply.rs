//! Authorization responses: where and how they are sent.

use url::form_urlencoded;

use crate::protocol::client::Metadata;
use crate::protocol::localized::Localized;
use crate::protocol::refusal::OAuthError;

/// How the parameters of a response are sent.
///
/// Spec: OAuth 2.0 Multiple Response Type Encoding Practices §2.1, Form Post Response Mode §2
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In a form that the browser posts to the redirect URI.
    FormPost,
}

impl ResponseMode {
    /// Every mode, as discovery lists them.
    pub const ALL: [ResponseMode; 2] = [ResponseMode::Query, ResponseMode::FormPost];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            ResponseMode::Query => "query",
            ResponseMode::FormPost => "form_post",
        }
    }

    /// Reads a mode that can carry a response to this redirect URI: a form can be posted to a site, not to
    /// the private-use scheme of an application.
    pub fn parse(name: &str, redirect_uri: &str) -> Result<ResponseMode, ModeFault> {
        let mode = ResponseMode::ALL.into_iter().find(|mode| mode.name() == name);
        let is_site = ["https://", "http://"].iter().any(|scheme| redirect_uri.starts_with(scheme));
        match mode {
            Some(ResponseMode::FormPost) if !is_site => Err(ModeFault::NoForm),
            Some(mode) => Ok(mode),
            None if name == "fragment" => Err(ModeFault::Fragment),
            None => Err(ModeFault::Unknown),
        }
    }
}

/// Why a `response_mode` cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModeFault {
    /// `fragment`, which is for tokens in the front channel: a server could not read a code from it.
    Fragment,
    /// `form_post` to an address that no form can be posted to.
    NoForm,
    /// An unknown mode.
    Unknown,
}

impl ModeFault {
    /// The description that is sent.
    pub fn description(self) -> &'static str {
        match self {
            ModeFault::Fragment => {
                "response_mode=fragment is not supported with response_type=code: use query or form_post"
            }
            ModeFault::NoForm => "response_mode=form_post needs an http or https redirect_uri",
            ModeFault::Unknown => "this response_mode is not supported: use query or form_post",
        }
    }
}

/// An authorization response, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// An address that carries all parameters.
    Redirect(String),
    /// A form for the browser to post.
    FormPost {
        /// The redirect URI, with nothing added.
        to: String,
        /// The parameters.
        fields: Vec<(&'static str, String)>,
    },
}

/// A proven place to answer: exists only after the client is known and its redirect URI matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    redirect_uri: String,
    mode: ResponseMode,
    state: Option<String>,
    issuer: String,
    client_name: String,
    localized: Localized,
}

impl ReplyTo {
    /// Only [`crate::protocol::request::reply_to`] may create one.
    pub(in crate::protocol) fn new(
        redirect_uri: &str,
        mode: ResponseMode,
        state: Option<&str>,
        issuer: &str,
        client: &Metadata,
    ) -> ReplyTo {
        ReplyTo {
            redirect_uri: redirect_uri.into(),
            mode,
            state: state.map(Into::into),
            issuer: issuer.into(),
            client_name: client.client_name.clone(),
            localized: client.localized.clone(),
        }
    }

    /// The redirect URI exactly as sent.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// The name of the application, in the language of a page.
    pub fn client_name(&self, lang: &str) -> &str {
        self.localized.get("client_name", lang).unwrap_or(&self.client_name)
    }

    /// The response with an authorization code.
    ///
    /// Spec: RFC 6749 §4.1.2, RFC 9207 §2
    pub fn success(&self, code: &str) -> Response {
        self.with(vec![("code", code.into())])
    }

    /// The response with an error: `error`, its description, `state` and `iss`, no more.
    ///
    /// Spec: RFC 6749 §4.1.2.1, RFC 9207 §2
    pub fn error(&self, error: &OAuthError) -> Response {
        self.with(vec![("error", error.code.into()), ("error_description", error.description.into())])
    }

    fn with(&self, mut fields: Vec<(&'static str, String)>) -> Response {
        fields.extend(self.state.clone().map(|state| ("state", state)));
        fields.push(("iss", self.issuer.clone()));
        match self.mode {
            ResponseMode::FormPost => Response::FormPost { to: self.redirect_uri.clone(), fields },
            // A registered query stays as it is.
            ResponseMode::Query => {
                let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
                let joint = match self.redirect_uri.split_once('?') {
                    None => "?",
                    Some((_, "")) => "",
                    Some(_) => "&",
                };
                Response::Redirect(format!("{}{joint}{query}", self.redirect_uri))
            }
        }
    }
}
