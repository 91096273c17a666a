//! The check itself: pure, without IO and without a clock.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use crate::claims::Claims;
use crate::json::{self, JsonError};
use crate::key_set::{Algorithm, KeySet};
use crate::refusal::{Part, Refusal};

/// The kind of token that a service accepts. One kind is never accepted as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// For APIs; its `typ` is `at+jwt`.
    AccessToken,
    /// For the client that signed a person in; its `typ` is `JWT` or absent.
    IdToken,
}

impl TokenKind {
    /// Compares `typ` without regard to case or to the prefix `application/`. Spec: RFC 7515 §4.1.9
    fn has_type(self, typ: Option<&str>) -> bool {
        let Some(typ) = typ.map(str::to_ascii_lowercase) else {
            return self == Self::IdToken;
        };
        let typ = typ.strip_prefix("application/").unwrap_or(&typ);
        typ == match self {
            Self::AccessToken => "at+jwt",
            Self::IdToken => "jwt",
        }
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::AccessToken => "an access token has at+jwt",
            Self::IdToken => "an ID token has JWT or none",
        })
    }
}

/// How access tokens bound to a key of their holder (`cnf`) are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundTokens {
    /// Refuses them: a service that checks no proofs cannot tell whether such a token was stolen.
    Refuse,
    /// Accepts them: the caller compares [`Claims::bound_jkt`] or [`Claims::bound_x5t_s256`] with the proof it checked.
    CallerChecks,
}

/// What a token must say to be accepted.
#[derive(Debug, Clone)]
pub struct Check {
    /// The issuer, byte for byte as in its metadata.
    pub issuer: String,
    /// The audience of this service: the API's resource identifier, or the client id.
    pub audience: String,
    /// The kind of token.
    pub kind: TokenKind,
    /// The accepted algorithms; by default all of [`Algorithm`]. A key verifies only the algorithm it was
    /// made for.
    pub algorithms: Vec<Algorithm>,
    /// How far `iat` and `nbf` may lie ahead, because clocks differ: 30 s, and never more than 59 s. `exp`
    /// has no leeway: a token that ends a moment early costs a refresh, one that lives on costs trust.
    pub leeway: Duration,
    /// The nonce of the login; when given, the token must carry it.
    pub nonce: Option<String>,
    /// How tokens that are not bearer tokens are treated.
    pub bound_tokens: BoundTokens,
}

impl Check {
    pub(crate) const MOST_LEEWAY_SECONDS: i64 = 59;

    /// Expects an access token for the API `audience`.
    ///
    /// Spec: RFC 9068 §4
    pub fn access_token(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            kind: TokenKind::AccessToken,
            algorithms: Algorithm::ALL.to_vec(),
            leeway: Duration::seconds(30),
            nonce: None,
            bound_tokens: BoundTokens::Refuse,
        }
    }

    /// Expects an ID token for the client `client_id`. Set `nonce` when the login was started with one.
    ///
    /// Spec: OpenID Connect Core §3.1.3.7
    pub fn id_token(issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self { kind: TokenKind::IdToken, ..Self::access_token(issuer, client_id) }
    }
}

/// Checks a token: form, header, issuer, signature, audience, kind and times.
///
/// Issuer, `typ` and form are checked before the signature, everything else after it: a refusal about the
/// audience or the times is about a genuine token.
///
/// Spec: RFC 7519 §7.2, RFC 8725 §3, RFC 9068 §4
pub fn verify(token: &str, keys: &KeySet, check: &Check, now: OffsetDateTime) -> Result<Claims, Refusal> {
    let candidate = Candidate::read(token, check)?;
    candidate.signed_by(keys)?;
    candidate.claims.fit(check, now)?;
    Ok(candidate.claims)
}

/// The content of a token, unverified.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Decoded {
    /// The header, an object.
    pub header: Value,
    /// The claims, an object.
    pub claims: Value,
    /// The signature's bytes.
    pub signature: Vec<u8>,
}

/// Decodes a token for people to look at. Nothing is verified: never base a decision on the result.
pub fn decode_unverified(token: &str) -> Result<Decoded, Refusal> {
    let parts = Parts::split(token)?;
    Ok(Decoded {
        header: Value::Object(parts.header),
        claims: Value::Object(parts.claims),
        signature: parts.signature,
    })
}

/// A token of the right form, kind, algorithm and issuer; its signature is still to be checked.
pub(crate) struct Candidate<'a> {
    pub(crate) claims: Claims,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Candidate<'a> {
    pub(crate) fn read(token: &'a str, check: &Check) -> Result<Self, Refusal> {
        let Parts { header, claims, signature, signed } = Parts::split(token)?;
        let alg = algorithm(&header, check)?;
        // `jku`, `x5u`, `jwk` and `x5c` are never looked at: keys come from the issuer's own set alone.
        if header.contains_key("crit") {
            return Err(Refusal::CriticalExtension);
        }
        let typ = header_text(&header, "typ")?;
        if !check.kind.has_type(typ) {
            return Err(Refusal::WrongType { found: typ.map(str::to_owned), wanted: check.kind });
        }
        let kid = header_text(&header, "kid")?.map(str::to_owned);
        let claims = Claims::read(claims, kid, alg)?;
        if claims.iss != check.issuer {
            return Err(Refusal::WrongIssuer { found: claims.iss, expected: check.issuer.clone() });
        }
        Ok(Self { claims, signed, signature })
    }

    pub(crate) fn signed_by(&self, keys: &KeySet) -> Result<(), Refusal> {
        let kid = self.claims.kid.as_deref();
        let genuine = keys.find(kid, self.claims.alg)?.matches(self.signed.as_bytes(), &self.signature);
        genuine.then_some(()).ok_or_else(|| Refusal::BadSignature { kid: self.claims.kid.clone() })
    }
}

/// The three parts of a compact token, decoded.
struct Parts<'a> {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    signature: Vec<u8>,
    signed: &'a str,
}

impl<'a> Parts<'a> {
    /// Spec: RFC 7515 §7.1, RFC 8725 §3.11
    fn split(token: &'a str) -> Result<Self, Refusal> {
        const LONGEST: usize = 16 * 1024;
        if token.len() > LONGEST {
            return Err(Refusal::TooLong { bytes: token.len() });
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::NotCompact)?;
        let (header, claims) = signed.split_once('.').ok_or(Refusal::NotCompact)?;
        if [header, claims].iter().any(|part| part.is_empty()) || claims.contains('.') {
            return Err(Refusal::NotCompact);
        }
        let header = object(header, Part::Header)?;
        // An unsigned token has an empty third part: the error about its `alg` is more precise.
        let unsigned = |alg: &Value| alg.as_str().is_some_and(|alg| alg.eq_ignore_ascii_case("none"));
        if signature.is_empty() && !header.get("alg").is_some_and(unsigned) {
            return Err(Refusal::NotCompact);
        }
        Ok(Self {
            header,
            claims: object(claims, Part::Claims)?,
            signature: bytes(signature, Part::Signature)?,
            signed,
        })
    }
}

/// Decodes a part; the decoder accepts exactly one spelling of any bytes (no padding, no stray trailing
/// bits).
fn bytes(text: &str, part: Part) -> Result<Vec<u8>, Refusal> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok().ok_or(Refusal::BadEncoding(part))
}

fn object(text: &str, part: Part) -> Result<Map<String, Value>, Refusal> {
    json::object(&bytes(text, part)?).map_err(|error| match error {
        JsonError::NotAnObject => Refusal::NotAnObject(part),
        JsonError::Duplicate(name) => Refusal::DuplicateMember { part, name },
    })
}

fn header_text<'a>(header: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, Refusal> {
    header.get(name).map(|value| value.as_str().ok_or(Refusal::MalformedHeader(name))).transpose()
}

/// Reads `alg`, which selects among the algorithms this service allows and cannot add one.
fn algorithm(header: &Map<String, Value>, check: &Check) -> Result<Algorithm, Refusal> {
    let name = header_text(header, "alg")?.ok_or(Refusal::MalformedHeader("alg"))?;
    let upper = name.to_ascii_uppercase();
    match Algorithm::named(name) {
        Some(alg) if check.algorithms.contains(&alg) => Ok(alg),
        Some(alg) => Err(Refusal::AlgorithmNotAllowed { alg }),
        None if upper == "NONE" => Err(Refusal::AlgorithmNone),
        None if upper.starts_with("HS") => Err(Refusal::SymmetricAlgorithm { alg: name.to_owned() }),
        None => Err(Refusal::UnknownAlgorithm { alg: name.to_owned() }),
    }
}
