//! Redirect URIs: registered once, then compared byte for byte.

mod mismatch; // why a sent one matches nothing

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

pub use mismatch::{Difference, Mismatch};

use crate::protocol::params;

/// A redirect URI of a client; exists only as registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

/// Whether a client runs on a server or on the person's device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    /// A site: redirect URIs are https.
    #[default]
    Web,
    /// An app: also loopback http and private-use schemes.
    Native,
}

/// Why a text cannot be registered as a redirect URI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriFault {
    /// No absolute URI, or one with characters no URI has.
    #[error("it is not an absolute URI")]
    NotAbsolute,
    /// It begins with the host.
    #[error("the scheme is missing: begin with https://, or with http:// for this machine")]
    SchemeMissing,
    /// Has characters outside ASCII.
    #[error("a URI is written in ASCII, and {} is outside of it: write {ascii}", named(*.character))]
    NotAscii {
        /// The first of them.
        character: char,
        /// The same URI in ASCII: the host in Punycode, everything else percent-encoded.
        ascii: String,
    },
    /// Is percent-encoded as a whole.
    #[error("it is percent-encoded once too often: write {0}")]
    DoubleEncoded(String),
    /// Has a `#…` part.
    #[error("it must not have a fragment")]
    Fragment,
    /// Has `user:password@`.
    #[error("it must not have a user name or password")]
    UserInfo,
    /// Has a `*`.
    #[error("wildcards are not supported: register each address")]
    Wildcard,
    /// The scheme is `javascript:`, `data:` or the like, or one that this type of client may not use.
    #[error(
        "its scheme is not allowed for this type of client (web: https; native: also loopback http or a reverse-DNS scheme)"
    )]
    Scheme,
    /// A web client has a loopback host.
    #[error("a web client cannot be redirected to a loopback host, except in development mode")]
    Loopback,
}

impl RedirectUri {
    /// Accepts a redirect URI for registration.
    ///
    /// In development mode every type of client may use http on loopback hosts.
    ///
    /// Spec: RFC 8252 §7, OpenID Connect Registration §2
    pub fn register(
        text: &str,
        application_type: ApplicationType,
        development: bool,
    ) -> Result<RedirectUri, RedirectUriFault> {
        use RedirectUriFault::{DoubleEncoded, Fragment, Loopback, NotAbsolute, Scheme, SchemeMissing};
        use RedirectUriFault::{UserInfo, Wildcard};
        if text.len() > 2048 {
            return Err(NotAbsolute);
        }
        if let Some((character, ascii)) = in_ascii(text) {
            return Err(RedirectUriFault::NotAscii { character, ascii });
        }
        if !has_uri_characters(text) {
            return Err(NotAbsolute);
        }
        if let Some(decoded) = decoded_whole(text) {
            return Err(DoubleEncoded(decoded));
        }
        if is_without_scheme(text) {
            return Err(SchemeMissing);
        }
        let url = Url::parse(text).map_err(|_not_a_url| NotAbsolute)?;
        if text.contains('#') {
            return Err(Fragment);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UserInfo);
        }
        if text.contains('*') {
            return Err(Wildcard);
        }
        let native = application_type == ApplicationType::Native;
        let local = is_loopback(&url);
        match url.scheme() {
            "https" if local && !native && !development => Err(Loopback),
            "https" => Ok(()),
            "http" if local && development => Ok(()),
            "http" if native && is_loopback_literal(&url) => Ok(()),
            "http" if local => Err(Loopback),
            other if native && other.contains('.') => Ok(()),
            _ => Err(Scheme),
        }?;
        Ok(RedirectUri(text.into()))
    }

    /// Tells whether a request's `redirect_uri` is this one: byte for byte, except that a native
    /// client's loopback redirect may use any port.
    ///
    /// Spec: RFC 9700 §2.1, RFC 8252 §7.3
    pub fn matches(&self, sent: &str, application_type: ApplicationType) -> bool {
        if self.0 == sent {
            return true;
        }
        if application_type != ApplicationType::Native {
            return false;
        }
        match (loopback_parts(&self.0), loopback_parts(sent)) {
            (Some(registered), Some(sent)) => registered == sent,
            _ => false,
        }
    }

    /// The text as registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Splits `http://` + loopback literal + optional port + rest into host and rest. Nothing is normalised,
/// because normalisation can be used to evade matching rules.
fn loopback_parts(uri: &str) -> Option<(&str, &str)> {
    let after_scheme = uri.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]", "localhost"].into_iter().find(|host| after_scheme.starts_with(host))?;
    let after_host = after_scheme.strip_prefix(host)?;
    let rest = match after_host.strip_prefix(':') {
        None => after_host,
        Some(port_and_rest) => {
            let rest = port_and_rest.trim_start_matches(|c: char| c.is_ascii_digit());
            let port = port_and_rest.strip_suffix(rest)?;
            (port.len() <= 5 && port.parse::<u16>().is_ok()).then_some(rest)?
        }
    };
    matches!(rest.bytes().next(), None | Some(b'/' | b'?')).then_some((host, rest))
}

/// Tells whether a text has only characters that URIs have. Some parsers read `\` as `/` and drop blanks:
/// they see another URI than the one that was compared.
///
/// Spec: RFC 3986 §2
pub fn has_uri_characters(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b))
}

fn is_loopback_literal(url: &Url) -> bool {
    matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"))
}

/// Tells whether a URL's host is this machine: `localhost`, a name under it, or a loopback address.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The first character outside ASCII, and the same URI without any.
///
/// Spec: RFC 3987 §3.1, RFC 3492
fn in_ascii(text: &str) -> Option<(char, String)> {
    let character = text.chars().find(|c| !c.is_ascii())?;
    let ascii: String = text.chars().filter(char::is_ascii).collect();
    let url = Url::parse(text).ok().filter(|_| has_uri_characters(&ascii))?;
    Some((character, url.into()))
}

/// A character with its code point.
fn named(character: char) -> String {
    format!("{character:?} (U+{:04X})", u32::from(character))
}

/// Tells whether a text begins with a host, or with a host and a port, where a scheme belongs.
fn is_without_scheme(text: &str) -> bool {
    let host = text.split(['/', '?', '#']).next().unwrap_or_default();
    match host.rsplit_once(':') {
        Some((name, port)) => {
            let is_port = (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
            is_port && !name.is_empty()
        }
        None => text.starts_with("//") || host == "localhost" || host.contains('.'),
    }
}

/// The URI that remains after one layer of percent-encoding is removed from a text that is no URI itself.
fn decoded_whole(text: &str) -> Option<String> {
    let is_site = |text: &str| ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    decoded(text).filter(|decoded| !is_site(text) && is_site(decoded))
}

/// Removes one layer of percent-encoding.
fn decoded(text: &str) -> Option<String> {
    // A plus sign is a space in forms, but not in URIs.
    let decoded = params::decode(text.replace('+', "%2B").as_bytes()).ok()?;
    (decoded != text).then_some(decoded)
}
