//! Redirect URIs: registered once, then compared byte for byte.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::protocol::cause::Cause;

/// Where a Relying Party's users may be sent back to; exists only as registered.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriFault {
    /// No absolute URI, or one with characters no URI has.
    #[error("it is not an absolute URI")]
    NotAbsolute,
    /// Has a `#…` part.
    #[error("it must not have a fragment")]
    Fragment,
    /// Has `user:password@`.
    #[error("it must not have a user name or password")]
    UserInfo,
    /// Has a `*`.
    #[error("wildcards are not supported: register each address")]
    Wildcard,
    /// `javascript:`, `data:` and their like, or a scheme this type of client may not use.
    #[error(
        "its scheme is not allowed for this type of client (web: https; native: also loopback http or a reverse-DNS scheme)"
    )]
    Scheme,
    /// Web clients live on real hosts.
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
        use RedirectUriFault::{Fragment, Loopback, NotAbsolute, Scheme, UserInfo, Wildcard};
        if text.len() > 2048 || !has_uri_characters(text) {
            return Err(NotAbsolute);
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

/// Splits `http://` + loopback literal + optional port + rest into host and rest, without normalising
/// anything: normalising is how matching rules are talked round.
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

/// Tells whether a text has only characters that URIs have. Some readers take a `\` for a `/` and leave
/// out what is blank: what one of them sees is not what was compared.
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

/// One way in which two URIs differ; the text is its name in the page texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// `http` against `https`.
    Scheme,
    /// `localhost` against `127.0.0.1` or `[::1]`.
    Localhost,
    /// Another host.
    Host,
    /// Another port.
    Port,
    /// The same but for upper and lower case.
    Case,
    /// The same but for one slash at the end.
    TrailingSlash,
    /// Another path.
    Path,
    /// Another query.
    Query,
    /// One has a double slash in its path.
    DoubleSlash,
    /// One has a fragment, which is never allowed.
    Fragment,
    /// One has a user name before the host, which is never allowed.
    UserInfo,
    /// The same address, spelled differently (escapes, default port, …).
    Encoding,
    /// What was sent is no absolute URI.
    NotAbsolute,
}

impl Difference {
    /// The name used in logs and in the page texts.
    pub fn name(self) -> &'static str {
        match self {
            Difference::Scheme => "scheme",
            Difference::Localhost => "localhost",
            Difference::Host => "host",
            Difference::Port => "port",
            Difference::Case => "case",
            Difference::TrailingSlash => "trailing-slash",
            Difference::Path => "path",
            Difference::Query => "query",
            Difference::DoubleSlash => "double-slash",
            Difference::Fragment => "fragment",
            Difference::UserInfo => "userinfo",
            Difference::Encoding => "encoding",
            Difference::NotAbsolute => "not-absolute",
        }
    }
}

/// Why a `redirect_uri` matched nothing: the registered one that comes nearest, and what differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What was sent.
    pub sent: String,
    /// The nearest registered URI; none when nothing is registered.
    pub nearest: Option<String>,
    /// What differs between the two.
    pub differs: Vec<Difference>,
}

impl Mismatch {
    /// Finds the registered URI with the fewest differences.
    pub fn explain<'a>(registered: impl Iterator<Item = &'a RedirectUri>, sent: &str) -> Mismatch {
        let nearest = registered
            .map(|uri| (uri, differences(uri.as_str(), sent)))
            .min_by_key(|(uri, differs)| (differs.len(), usize::MAX - likeness(uri.as_str(), sent)));
        let (nearest, differs) =
            nearest.map_or((None, vec![]), |(uri, differs)| (Some(uri.to_string()), differs));
        Mismatch { sent: sent.into(), nearest, differs }
    }

    /// Compares with the one address that was to be sent.
    pub fn with_expected(expected: &str, sent: &str) -> Mismatch {
        Mismatch { sent: sent.into(), nearest: Some(expected.into()), differs: differences(expected, sent) }
    }

    /// Says it of a parameter of this name.
    pub fn cause(&self, name: &str) -> Cause {
        let cause = Cause::new(format!("{name} is not registered")).with("sent", &self.sent);
        let Some(nearest) = &self.nearest else {
            return cause.mend(format!("register it: this client has no {name} at all"));
        };
        let cause = cause.with("nearest", nearest);
        let cause = self.differs.iter().fold(cause, |cause, differs| cause.with("differs", differs.name()));
        cause.mend("send the registered one, byte for byte, or register the one that is sent")
    }
}

/// How many bytes two texts share at their beginnings and at their ends.
fn likeness(a: &str, b: &str) -> usize {
    let prefix = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let suffix = a.bytes().rev().zip(b.bytes().rev()).take_while(|(a, b)| a == b).count();
    prefix + suffix
}

fn differences(registered: &str, sent: &str) -> Vec<Difference> {
    let (Ok(a), Ok(b)) = (Url::parse(registered), Url::parse(sent)) else {
        return vec![Difference::NotAbsolute];
    };
    let mut differs = vec![];
    if a.scheme() != b.scheme() {
        differs.push(Difference::Scheme);
    }
    if a.host() != b.host() {
        let both_local = is_loopback_literal(&a) && is_loopback_literal(&b);
        differs.push(if both_local { Difference::Localhost } else { Difference::Host });
    }
    if a.port_or_known_default() != b.port_or_known_default()
        && (a.scheme() == b.scheme() || has_port(&a, &b))
    {
        differs.push(Difference::Port);
    }
    let (path, sent_path) = (a.path(), b.path());
    if path != sent_path {
        differs.push(if path.trim_end_matches('/') == sent_path.trim_end_matches('/') {
            Difference::TrailingSlash
        } else if path.replace("//", "/") == sent_path.replace("//", "/") {
            Difference::DoubleSlash
        } else if path.eq_ignore_ascii_case(sent_path) {
            Difference::Case
        } else {
            Difference::Path
        });
    }
    if a.query() != b.query() {
        differs.push(Difference::Query);
    }
    if a.fragment() != b.fragment() {
        differs.push(Difference::Fragment);
    }
    if (a.username(), a.password()) != (b.username(), b.password()) {
        differs.push(Difference::UserInfo);
    }
    if differs.is_empty() {
        // `https://app.example` is registered, `https://app.example/` was sent: the same URL, other bytes.
        let slash = registered.trim_end_matches('/') == sent.trim_end_matches('/');
        let case = registered.eq_ignore_ascii_case(sent);
        differs.push(match (slash, case) {
            (true, _) => Difference::TrailingSlash,
            (_, true) => Difference::Case,
            _ => Difference::Encoding,
        });
    }
    differs
}

fn has_port(a: &Url, b: &Url) -> bool {
    a.port().is_some() || b.port().is_some()
}
