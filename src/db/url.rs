//! Database URLs. A URL of PostgreSQL may name several servers, so it is parsed as libpq parses it, not as a web address.

use std::fmt;
use std::path::{Path, PathBuf};

/// Options of every connection to `PostgreSQL`, unless the URL sets them: short time-outs for unreachable servers and
/// lost links, and no server that cannot write.
const DEFAULTS: [(&str, &str); 7] = [
    ("connect_timeout", "3"),
    ("tcp_user_timeout", "5000"),
    ("keepalives_idle", "60"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("target_session_attrs", "read-write"),
    ("application_name", "countersign"),
];

/// Root certificates for servers whose certificate is verified. Without this option libpq reads a file in the home of the
/// service's account.
const SYSTEM_ROOTS: (&str, &str) = ("sslrootcert", "system");

/// The refusal of an ambiguous URL.
const AMBIGUOUS: &str =
    "in a postgres URL, write @ / ? % and spaces of a name or a password as %40 %2F %3F %25 and %20";

/// A database URL. Neither its `Debug` form nor its messages contain a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Url {
    /// `sqlite:PATH`
    Sqlite(PathBuf),
    /// `postgres://…`, with its credentials; never shown as a whole.
    Postgres(String),
}

impl Url {
    /// Parses a database URL. The error contains no password.
    pub fn parse(text: &str) -> Result<Url, String> {
        match text.split_once(':') {
            Some(("sqlite", path)) => match path.strip_prefix("//").unwrap_or(path) {
                "" => Err("sqlite: needs a path".into()),
                path => Ok(Url::Sqlite(path.into())),
            },
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                if is_ambiguous(text) {
                    Err(AMBIGUOUS.into())
                } else {
                    Ok(Url::Postgres(text.into()))
                }
            }
            Some((scheme, rest)) if rest.starts_with("//") => {
                Err(format!("{scheme}: is neither sqlite:PATH nor postgres://…"))
            }
            _ => Err("it is neither sqlite:PATH nor postgres://…".into()),
        }
    }

    /// The same URL with root certificates (PEM) for the verification of a `PostgreSQL` server, unless it names others.
    pub fn trusting(self, roots: &Path) -> Url {
        match self {
            Url::Postgres(url) if asks_for_a_certificate(&url, &["verify-ca", "verify-full"]) => {
                Url::Postgres(with(&url, &[format!("sslrootcert={}", escaped(roots))]))
            }
            other => other,
        }
    }

    /// The URL without user, password and most of its options, for messages.
    pub fn shown(&self) -> String {
        match self {
            Url::Sqlite(path) => format!("sqlite:{}", path.display()),
            Url::Postgres(text) => {
                let Parts { place, query, .. } = Parts::of(text);
                let hosts = options(query).filter(|(name, _)| ["host", "port"].contains(name));
                let hosts: Vec<&str> = hosts.map(|(_, whole)| whole).collect();
                let mark = if hosts.is_empty() { "" } else { "?" };
                format!("postgres://{place}{mark}{}", hosts.join("&"))
            }
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// A URL of `PostgreSQL` with our defaults for options that it does not set.
pub(super) fn with_defaults(url: &str) -> String {
    let said = Parts::of(url).query;
    let roots = asks_for_a_certificate(url, &["verify-full"]).then_some(SYSTEM_ROOTS);
    let silent =
        DEFAULTS.into_iter().chain(roots).filter(|(name, _)| !options(said).any(|(said, _)| said == *name));
    let more: Vec<String> = silent.map(|(name, value)| format!("{name}={value}")).collect();
    with(url, &more)
}

/// Tells whether a URL requires a certificate by one of these `sslmode`s, and names no roots.
fn asks_for_a_certificate(url: &str, modes: &[&str]) -> bool {
    let said: Vec<(&str, &str)> = options(Parts::of(url).query).collect();
    let asks = said.iter().any(|(_, whole)| modes.iter().any(|mode| *whole == format!("sslmode={mode}")));
    asks && !said.iter().any(|(name, _)| *name == "sslrootcert")
}

fn with(url: &str, more: &[String]) -> String {
    let mark = if url.contains('?') { '&' } else { '?' };
    format!("{url}{mark}{}", more.join("&"))
}

/// A path as the value of an option.
fn escaped(path: &Path) -> String {
    let byte = |byte: &u8| match byte {
        b'/' | b'.' | b'-' | b'_' => char::from(*byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    path.as_os_str().as_encoded_bytes().iter().map(byte).collect()
}

/// `name:password`, then `host:port,host:port/database`, then `name=value&…`.
struct Parts<'a> {
    credentials: &'a str,
    place: &'a str,
    query: &'a str,
}

impl Parts<'_> {
    fn of(url: &str) -> Parts<'_> {
        let rest = url.split_once("://").map_or(url, |(_scheme, rest)| rest);
        // An @ ends the credentials if it comes before the path.
        let (credentials, rest) = match rest.split_once('@') {
            Some((before, after)) if !before.contains('/') => (before, after),
            _ => ("", rest),
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        Parts { credentials, place, query }
    }
}

/// Tells whether the intended reading may differ from libpq's, whose error message would then contain parts of a
/// password.
fn is_ambiguous(url: &str) -> bool {
    let Parts { credentials, place, .. } = Parts::of(url);
    let is_escape = |after: &str| after.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    credentials.contains('?')
        || place.contains('@')
        || url.contains(|c: char| c.is_whitespace() || c.is_control())
        || !url.split('%').skip(1).all(is_escape)
}

/// Each option's name and whole text.
fn options(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').map(|option| (option.split_once('=').map_or(option, |(name, _)| name), option))
}
