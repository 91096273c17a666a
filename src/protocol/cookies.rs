//! Cookies: parsed from the raw header as browsers do it. Names are compared byte for byte, and nothing is
//! decoded. A decoding parser takes `__%48ost-sid` for `__Host-sid`, and the browser applied no prefix rule
//! to that name.

use crate::secret::{base32, sha256};

/// How many bytes of the issuer's hash distinguish two providers on one host.
const HASH_BYTES: usize = 5;

/// The names of the provider's cookies; computed once at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The session cookie, which refers to the browser record.
    pub session: String,
    /// The browser cookie: tickets, forms and the browser record are bound to it.
    pub browser: String,
    /// The device cookie: the accounts that have signed in in this browser before.
    pub device: String,
    /// The language cookie: the language that the person chose.
    pub language: String,
}

impl Names {
    /// The names under an issuer. Browsers share cookies between ports and paths. Where several providers can
    /// live on one host, in development and when the issuer has a `path`, the names carry a short hash of the
    /// issuer.
    ///
    /// Spec: RFC 6265bis §4.1.3.2 (`__Host-`)
    pub fn new(issuer: &str, path: &str, development: bool) -> Names {
        let prefix = if development { "countersign_" } else { "__Host-" };
        let suffix = if development || !path.is_empty() {
            let hash = sha256(issuer.as_bytes());
            format!("_{}", base32(hash.get(..HASH_BYTES).unwrap_or(&hash)))
        } else {
            String::new()
        };
        let name = |what: &str| format!("{prefix}{what}{suffix}");
        Names {
            session: name("sid"),
            browser: name("browser"),
            device: name("device"),
            language: name("lang"),
        }
    }
}

/// The occurrences of one name in the `Cookie` fields of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occurrences<'h> {
    /// The value of the first pair with this name and a valid value.
    pub value: Option<&'h str>,
    /// Whether the name occurs more than once, which browsers do not do with a cookie of ours.
    pub repeated: bool,
}

/// Finds a cookie in the values of the `Cookie` fields. Pairs are split at `;`, and only SP and HTAB around a
/// pair are stripped. A pair without `=`, or with a value that is not made of `cookie-octet`s, is ignored: an
/// invalid byte elsewhere must not hide a cookie of ours.
///
/// Spec: RFC 6265 §4.1.1, §4.2.1, §5.4
pub fn find<'h>(fields: impl IntoIterator<Item = &'h [u8]>, name: &str) -> Occurrences<'h> {
    let mut found = Occurrences::default();
    let mut seen = false;
    for pair in fields.into_iter().flat_map(|field| field.split(|octet| *octet == b';')) {
        let Some(value) = stripped(pair).strip_prefix(name.as_bytes()) else { continue };
        let Some(value) = value.strip_prefix(b"=") else { continue };
        found.repeated |= seen;
        seen = true;
        if found.value.is_none() && value.iter().all(|octet| is_cookie_octet(*octet)) {
            found.value = std::str::from_utf8(value).ok();
        }
    }
    found
}

fn stripped(mut pair: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = pair {
        pair = rest;
    }
    pair
}

/// Spec: RFC 6265 §4.1.1 (`cookie-octet`)
fn is_cookie_octet(octet: u8) -> bool {
    matches!(octet, 0x21 | 0x23..=0x2B | 0x2D..=0x3A | 0x3C..=0x5B | 0x5D..=0x7E)
}
