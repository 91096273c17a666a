//! Cookies as a browser means them: read from the raw header, names compared octet by octet, nothing decoded. A
//! decoding reader takes `__%48ost-sid` for `__Host-sid`, and to that name the browser applied no prefix rule.

use crate::secret::{base32, sha256};

/// How many octets of the issuer's hash tell two providers on one host apart.
const TOLD_APART: usize = 5;

/// The names of our cookies; computed once at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Opens the browser record.
    pub session: String,
    /// Names the browser; tickets, forms and the browser record are bound to it.
    pub browser: String,
    /// Shows which accounts have signed in in this browser before.
    pub device: String,
    /// Holds the language that was chosen.
    pub language: String,
}

impl Names {
    /// The names under an issuer. Cookies do not tell ports or paths apart, so where several providers can live on
    /// one host, in development and when the issuer has a `path`, the names carry a short hash of the issuer.
    ///
    /// Spec: RFC 6265bis §4.1.3.2 (`__Host-`)
    pub fn new(issuer: &str, path: &str, development: bool) -> Names {
        let prefix = if development { "countersign_" } else { "__Host-" };
        let suffix = if development || !path.is_empty() {
            let hash = sha256(issuer.as_bytes());
            format!("_{}", base32(hash.get(..TOLD_APART).unwrap_or(&hash)))
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

/// What the `Cookie` fields of one request say of one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found<'h> {
    /// The value of the first pair of this name that can be read.
    pub value: Option<&'h str>,
    /// Whether the name was sent more than once, which a browser does not do with a cookie that we set.
    pub repeated: bool,
}

/// Finds a cookie in the values of the `Cookie` fields. Pairs are split at `;`; SP and HTAB around a pair are
/// stripped, and nothing else is. A pair without `=`, or with a value that is no `cookie-octet`s, is passed over:
/// one foreign octet must not hide our cookie.
///
/// Spec: RFC 6265 §4.1.1, §4.2.1, §5.4
pub fn find<'h>(fields: impl IntoIterator<Item = &'h [u8]>, name: &str) -> Found<'h> {
    let mut found = Found::default();
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
