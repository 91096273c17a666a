//! Where and how an authorization response is sent.

use url::form_urlencoded;

use crate::protocol::failure::{AuthorizeFailure, OAuthError};

/// A proven place to answer: exists only after the client is known and its redirect URI matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    redirect_uri: String,
    state: Option<String>,
    issuer: String,
}

impl ReplyTo {
    /// Only [`crate::protocol::authorize::establish`] may prove a place.
    pub(in crate::protocol) fn new(redirect_uri: &str, state: Option<&str>, issuer: &str) -> ReplyTo {
        ReplyTo { redirect_uri: redirect_uri.into(), state: state.map(Into::into), issuer: issuer.into() }
    }

    /// The redirect URI exactly as sent.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// The address that carries an authorization code home.
    ///
    /// Spec: RFC 6749 §4.1.2, RFC 9207 §2
    pub fn success(&self, code: &str) -> String {
        self.with(&[("code", code)])
    }

    /// The address that carries an error home: `error`, its description, `state` and `iss`, no more.
    ///
    /// Spec: RFC 6749 §4.1.2.1, RFC 9207 §2
    pub fn error(&self, error: &OAuthError) -> String {
        self.with(&[("error", error.code), ("error_description", error.description)])
    }

    /// A failed request that is answered here.
    pub fn failure(&self, code: &'static str, description: &'static str) -> AuthorizeFailure {
        AuthorizeFailure::Reply {
            reply_to: Box::new(self.clone()),
            error: OAuthError::new(code, description),
        }
    }

    /// Appends to the query; a query that was registered stays as it is.
    fn with(&self, pairs: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &self.issuer);
        let joint = match self.redirect_uri.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{}{joint}{}", self.redirect_uri, query.finish())
    }
}
