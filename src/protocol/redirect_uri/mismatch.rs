//! Redirect URIs that match nothing: the nearest registered one, and what differs.

use url::Url;

use super::{RedirectUri, decoded, decoded_whole, in_ascii, is_loopback_literal, is_without_scheme, named};
use crate::protocol::cause::Cause;

/// One difference between two URIs; the text is its name in the page texts.
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
    /// The same except for upper and lower case.
    Case,
    /// The same except for one slash at the end.
    TrailingSlash,
    /// Another path.
    Path,
    /// Another query.
    Query,
    /// One of the paths has a double slash.
    DoubleSlash,
    /// One has a fragment, which is never allowed.
    Fragment,
    /// One has a user name before the host, which is never allowed.
    UserInfo,
    /// The same address in another spelling (escapes, default port, …).
    Encoding,
    /// The sent text is no absolute URI.
    NotAbsolute,
    /// The sent text begins with the host.
    SchemeMissing,
    /// The sent text has characters outside ASCII.
    NotAscii,
    /// The sent text is percent-encoded once too often.
    DoubleEncoded,
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
            Difference::SchemeMissing => "scheme-missing",
            Difference::NotAscii => "not-ascii",
            Difference::DoubleEncoded => "double-encoded",
        }
    }
}

/// Why a `redirect_uri` matched nothing: the registered one that comes nearest, and what differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The sent text.
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

    /// Compares the sent text with the one expected address.
    pub fn with_expected(expected: &str, sent: &str) -> Mismatch {
        Mismatch { sent: sent.into(), nearest: Some(expected.into()), differs: differences(expected, sent) }
    }

    /// The cause, for a parameter of this name.
    pub fn cause(&self, name: &str) -> Cause {
        let register = format!("countersign client update ID --add-{} URI", name.replace('_', "-"));
        let cause = Cause::new(format!("{name} is not registered")).with("sent", &self.sent);
        let Some(nearest) = &self.nearest else {
            return cause.mend(format!("register it, for this client has no {name} at all: {register}"));
        };
        let cause = cause.with("nearest", nearest);
        let cause = self.differs.iter().fold(cause, |cause, differs| cause.with("differs", differs.name()));
        let cause = match in_ascii(&self.sent) {
            Some((character, ascii)) => cause.with("character", named(character)).with("in ASCII", ascii),
            None => cause,
        };
        cause.mend(format!(
            "send the registered one, byte for byte, or register the one that is sent: {register}"
        ))
    }
}

/// The number of equal bytes at the beginnings and at the ends of two texts.
fn likeness(a: &str, b: &str) -> usize {
    let prefix = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let suffix = a.bytes().rev().zip(b.bytes().rev()).take_while(|(a, b)| a == b).count();
    prefix + suffix
}

/// The differences between a registered URI and a sent text: first the faults of the text as a whole, then
/// the differences that remain when those are corrected.
fn differences(registered: &str, sent: &str) -> Vec<Difference> {
    let whole = decoded(sent).filter(|decoded| decoded == registered).or_else(|| decoded_whole(sent));
    if let Some(decoded) = whole {
        return after(Difference::DoubleEncoded, registered, &decoded);
    }
    if is_without_scheme(sent) {
        let scheme = registered.split_once("://").map_or("https", |(scheme, _)| scheme);
        let completed = format!("{scheme}://{}", sent.trim_start_matches('/'));
        return after(Difference::SchemeMissing, registered, &completed);
    }
    if !sent.is_ascii() {
        return after(Difference::NotAscii, registered, sent);
    }
    parts(registered, sent)
}

/// The differences that remain beside the one already found.
fn after(found: Difference, registered: &str, sent: &str) -> Vec<Difference> {
    let more = if registered == sent { vec![] } else { parts(registered, sent) };
    let more = more.into_iter().filter(|more| *more != Difference::Encoding);
    std::iter::once(found).chain(more).collect()
}

/// Compares two URIs part by part.
fn parts(registered: &str, sent: &str) -> Vec<Difference> {
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
        // `https://app.example` was registered and `https://app.example/` was sent: the same URL in other
        // bytes.
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
