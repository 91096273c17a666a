//! Request parameters: decoded strictly, once, at the edge.

use zeroize::Zeroize as _;

/// The parameters of one request that its endpoint knows; all others are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    values: Vec<(&'static str, String)>,
    repeated: Vec<&'static str>,
    too_long: Vec<&'static str>,
}

/// The input is not form-encoded UTF-8 text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// A `%` that is not followed by two hexadecimal digits.
    #[error("a percent escape is broken")]
    Escape,
    /// Bytes that are no UTF-8.
    #[error("a value is not UTF-8")]
    Utf8,
    /// A NUL character, which no parameter may hold.
    #[error("a value holds a NUL character")]
    Nul,
}

/// Parameters whose values are wiped from memory when they are dropped.
const WIPED: [&str; 2] = ["password", "client_secret"];
/// Parameters that may be given several times.
const REPEATABLE: [&str; 2] = ["resource", "audience"];
/// The longest accepted value in bytes, where the request's own limit is not enough.
const LIMITS: [(&str, usize); 9] = [
    ("state", 8192),
    ("nonce", 1024),
    ("scope", 4096),
    ("claims", 16 * 1024),
    ("login_hint", 512),
    ("ui_locales", 1024),
    ("claims_locales", 1024),
    ("acr_values", 1024),
    ("code_challenge", 128),
];
/// The most values a repeatable parameter may have.
const MOST_VALUES: usize = 20;

impl Params {
    /// Parses a query string or a form body, keeping the names in `known`.
    ///
    /// A value given twice, or one over its limit, is recorded as such and the first one is kept: the rules
    /// decide what it means, because that depends on where an error may be answered. An empty value counts as
    /// absent. Names this endpoint does not know are ignored even when repeated.
    ///
    /// Spec: RFC 6749 §3.1, §3.2
    pub fn parse(raw: &[u8], known: &[&'static str]) -> Result<Params, Undecodable> {
        let mut params = Params::default();
        for pair in raw.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default()),
                None => (pair, &[][..]),
            };
            let name = decode(name)?;
            let value = decode(value)?;
            let Some(name) = known.iter().copied().find(|known| *known == name) else { continue };
            if !value.is_empty() {
                params.keep(name, value);
            }
        }
        Ok(params)
    }

    fn keep(&mut self, name: &'static str, mut value: String) {
        let seen = self.all(name).count();
        let limit = if REPEATABLE.contains(&name) { MOST_VALUES } else { 1 };
        if seen >= limit && !self.repeated.contains(&name) {
            self.repeated.push(name);
        }
        if is_over_limit(name, &value) {
            self.too_long.push(name);
        }
        if seen < limit {
            self.values.push((name, value));
        } else if WIPED.contains(&name) {
            value.zeroize();
        }
    }

    /// The value of a parameter; absent when it was not sent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(kept, _)| *kept == name).map(|(_, value)| value.as_str())
    }

    /// The names that have a value, in the order sent, for the cause of a missing parameter.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.values.iter().map(|(name, _)| *name).collect();
        if names.is_empty() { "nothing".into() } else { names.join(" ") }
    }

    /// Every value of a repeatable parameter, in the order sent.
    pub fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.values.iter().filter(move |(kept, _)| *kept == name).map(|(_, value)| value.as_str())
    }

    /// Tells whether a parameter was given more often than allowed.
    pub fn is_repeated(&self, name: &str) -> bool {
        self.repeated.contains(&name)
    }

    /// The first parameter that was given more often than allowed.
    pub fn repeated(&self) -> Option<&'static str> {
        self.repeated.first().copied()
    }

    /// The first parameter whose value is over its limit.
    pub fn too_long(&self) -> Option<&'static str> {
        self.too_long.first().copied()
    }

    /// Tells whether this parameter's value is over its limit.
    pub fn is_too_long(&self, name: &str) -> bool {
        self.too_long.contains(&name)
    }

    /// Encodes the kept values as a form that can be parsed again. Repetitions are kept.
    pub fn encode(&self) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(self.values.iter());
        form.extend_pairs(self.repeated.iter().filter_map(|name| Some((*name, self.get(name)?))));
        form.finish()
    }
}

impl Drop for Params {
    fn drop(&mut self) {
        for (_, value) in self.values.iter_mut().filter(|(name, _)| WIPED.contains(name)) {
            value.zeroize();
        }
    }
}

/// Tells whether a value is longer than is accepted for this parameter.
pub fn is_over_limit(name: &str, value: &str) -> bool {
    LIMITS.iter().any(|(limited, most)| *limited == name && value.len() > *most)
}

/// Decodes one `application/x-www-form-urlencoded` name or value. A lossy decoder would let two readers of
/// one request disagree.
pub fn decode(raw: &[u8]) -> Result<String, Undecodable> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else { return Err(Undecodable::Escape) };
                u8::try_from(high * 16 + low).unwrap_or_default()
            }
            other => other,
        });
    }
    if bytes.contains(&0) {
        return Err(Undecodable::Nul);
    }
    String::from_utf8(bytes).map_err(|_not_utf8| Undecodable::Utf8)
}
