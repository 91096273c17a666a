//! Why a token is refused: one variant per cause, one sentence each, and its shape on the wire.

use std::fmt::{self, Write as _};

use crate::check::TokenKind;
use crate::key_set::Algorithm;

/// A part of a compact token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The first part.
    Header,
    /// The second part.
    Claims,
    /// The third part.
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Header => "header",
            Self::Claims => "claims",
            Self::Signature => "signature",
        })
    }
}

/// The cause for which a token is refused.
///
/// The sentence of `Display` is for the developer and the log: it quotes the token, escaped and cut short. What goes
/// to the caller is [`Refusal::www_authenticate`], which never repeats what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request carries no bearer token.
    #[error("the request carries no bearer token")]
    NoToken,
    /// The Authorization header is not `Bearer` and one token.
    #[error("the Authorization header must be the word Bearer, a space and one token")]
    MalformedAuthorization,
    /// The token is longer than 16 KiB.
    #[error("the token has {bytes} bytes, more than the 16384 allowed")]
    TooLong {
        /// Length of the token.
        bytes: usize,
    },
    /// The token is not three non-empty parts joined by dots.
    #[error("the token is not a signed JWT: it must be three non-empty parts joined by dots")]
    NotCompact,
    /// A part is not canonical base64url without padding.
    #[error("the {0} part is not canonical base64url without padding")]
    BadEncoding(Part),
    /// A part is not a JSON object.
    #[error("the {0} part is not a JSON object")]
    NotAnObject(Part),
    /// A JSON name appears twice.
    #[error("the {part} part names {} twice, so it has no single meaning", Shown(.name))]
    DuplicateMember {
        /// Where it appears.
        part: Part,
        /// The repeated name.
        name: String,
    },
    /// A header member is missing or of the wrong type.
    #[error("the header member {0} is missing or of the wrong type")]
    MalformedHeader(&'static str),
    /// The token is unsigned.
    #[error("alg none is never accepted: the token is not signed")]
    AlgorithmNone,
    /// The token names an algorithm with a shared secret.
    #[error("{} is symmetric; a service that can verify such a token could also forge it", Shown(.alg))]
    SymmetricAlgorithm {
        /// The header's algorithm.
        alg: String,
    },
    /// The token names an algorithm this crate does not know.
    #[error("the algorithm {} is not supported; RS256, PS256, ES256 and EdDSA are", Shown(.alg))]
    UnknownAlgorithm {
        /// The header's algorithm.
        alg: String,
    },
    /// The algorithm is sound but not on this service's list.
    #[error("the token is signed with {alg}, which is not on this service's list")]
    AlgorithmNotAllowed {
        /// The header's algorithm.
        alg: Algorithm,
    },
    /// The header demands an extension; this crate knows none.
    #[error("the header member crit demands an extension that this verifier does not know")]
    CriticalExtension,
    /// The header's `typ` is that of another kind of token.
    #[error("the token's typ is {}, {wanted}", .found.as_deref().map_or_else(|| "absent".to_owned(), |typ| Shown(typ).to_string()))]
    WrongType {
        /// The header's `typ`.
        found: Option<String>,
        /// The kind this service asked for.
        wanted: TokenKind,
    },
    /// A claim shows that this is another kind of token.
    #[error("the claim {0} does not belong into an ID token: this is another kind of token")]
    ForeignClaim(&'static str),
    /// No key of the issuer fits.
    #[error("{}", unknown_key(.kid.as_deref(), *.alg))]
    UnknownKey {
        /// The header's key id.
        kid: Option<String>,
        /// The header's algorithm.
        alg: Algorithm,
    },
    /// Several keys fit.
    #[error("several {alg} keys fit, and the token does not say which one signed it")]
    AmbiguousKey {
        /// The header's key id.
        kid: Option<String>,
        /// The header's algorithm.
        alg: Algorithm,
    },
    /// The named key serves another algorithm.
    #[error("key {} is for {key}, but the token says {token}", Shown(.kid))]
    KeyOfOtherAlgorithm {
        /// The header's key id.
        kid: String,
        /// What the key is for.
        key: Algorithm,
        /// What the header says.
        token: Algorithm,
    },
    /// The signature does not match the key.
    #[error("the signature does not match {}", .kid.as_deref().map_or_else(|| "the issuer's only key".to_owned(), |kid| format!("key {}", Shown(kid))))]
    BadSignature {
        /// The header's key id.
        kid: Option<String>,
    },
    /// A required claim is missing.
    #[error("the claim {0} is missing")]
    MissingClaim(&'static str),
    /// A claim has the wrong type.
    #[error("the claim {0} is not of the type its specification gives it")]
    MalformedClaim(&'static str),
    /// The token is from another issuer.
    #[error("the token was issued by {}, this service trusts {}", Shown(.found), Shown(.expected))]
    WrongIssuer {
        /// The token's `iss`.
        found: String,
        /// The issuer of the check.
        expected: String,
    },
    /// The token is for another audience.
    #[error("the token is for audience {}, this service is {}", Shown(&.found.join(", ")), Shown(.expected))]
    WrongAudience {
        /// The token's `aud`.
        found: Vec<String>,
        /// The audience of the check.
        expected: String,
    },
    /// The token has expired.
    #[error("the token expired {seconds} s ago")]
    Expired {
        /// How long ago.
        seconds: i64,
    },
    /// The expiry is more than 50 years ahead.
    #[error("the token expires in more than 50 years: exp must be in seconds, not milliseconds")]
    ExpiryTooFar,
    /// `iat` or `nbf` is further ahead than clocks may differ.
    #[error("the claim {claim} is {seconds} s ahead: the token is not valid yet, or a clock is wrong")]
    NotYetValid {
        /// `iat` or `nbf`.
        claim: &'static str,
        /// How far ahead.
        seconds: i64,
    },
    /// The nonce is not the one sent with the request.
    #[error("the nonce is not the one this login was started with")]
    WrongNonce,
    /// The ID token was issued with another access token.
    #[error("the ID token was issued with another access token: at_hash is not the hash of this one")]
    OtherAccessToken,
    /// The token is bound to a key, and its proof was not checked.
    #[error(
        "the token is bound to a key (cnf); it is not a bearer token, and its proof must be checked first"
    )]
    BoundToken,
    /// The token does not carry the scope.
    #[error("the token lacks the scope {}", Shown(.required))]
    InsufficientScope {
        /// The scope asked for.
        required: String,
    },
}

impl Refusal {
    /// Returns the error code of the challenge. A request without any token gets a challenge without an
    /// error.
    ///
    /// Spec: RFC 6750 §3.1
    pub const fn error_code(&self) -> &'static str {
        match self {
            Self::NoToken | Self::MalformedAuthorization => "invalid_request",
            Self::InsufficientScope { .. } => "insufficient_scope",
            _ => "invalid_token",
        }
    }

    /// Returns the HTTP status to answer with: 401, 400 for a header that cannot be read, 403 for a missing
    /// scope.
    ///
    /// Spec: RFC 6750 §3.1
    pub const fn status(&self) -> u16 {
        match self {
            Self::MalformedAuthorization => 400,
            Self::InsufficientScope { .. } => 403,
            _ => 401,
        }
    }

    /// Returns the value of the `WWW-Authenticate` header.
    ///
    /// `resource_metadata` is the address of the service's protected-resource metadata, if it has one. Nothing of the
    /// token is repeated; [`Display`](fmt::Display) has the particulars for the log.
    ///
    /// Spec: RFC 6750 §3, RFC 9728 §5.1
    pub fn www_authenticate(&self, resource_metadata: Option<&str>) -> String {
        let mut members = Vec::new();
        if *self != Self::NoToken {
            members.push(("error", self.error_code()));
            members.push(("error_description", self.description()));
        }
        if let Self::InsufficientScope { required } = self {
            members.push(("scope", required));
        }
        members.extend(resource_metadata.map(|url| ("resource_metadata", url)));
        let mut challenge = "Bearer".to_owned();
        for (index, (name, value)) in members.into_iter().enumerate() {
            let value: String = value.chars().filter(|c| is_quotable(*c)).collect();
            let separator = if index == 0 { " " } else { ", " };
            challenge.extend([separator, name, "=\"", &value, "\""]);
        }
        challenge
    }

    const fn description(&self) -> &'static str {
        match self {
            Self::MalformedAuthorization => "the Authorization header cannot be read",
            Self::Expired { .. } => "the token has expired",
            Self::NotYetValid { .. } => "the token is not valid yet",
            Self::WrongIssuer { .. } => "the token is from another issuer",
            Self::WrongAudience { .. } => "the token is for another audience",
            Self::WrongType { .. } | Self::ForeignClaim(_) => "this is not an access token",
            Self::UnknownKey { .. } => "the token is signed with an unknown key",
            Self::BadSignature { .. } => "the signature does not match",
            Self::BoundToken => "the token is bound to a key and is not a bearer token",
            Self::InsufficientScope { .. } => "the token lacks a scope this needs",
            _ => "the token is malformed or signed in a way not accepted here",
        }
    }
}

/// Takes the token out of an `Authorization` header; the only place a service should take one from.
///
/// A missing header or another scheme is [`Refusal::NoToken`]: answer it with a bare challenge.
///
/// Spec: RFC 6750 §2.1
pub fn bearer_token(authorization: Option<&str>) -> Result<&str, Refusal> {
    let header = authorization.unwrap_or_default();
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(Refusal::NoToken);
    }
    let token = token.trim_matches(' ');
    let readable = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
    readable.then_some(token).ok_or(Refusal::MalformedAuthorization)
}

fn unknown_key(kid: Option<&str>, alg: Algorithm) -> String {
    match kid {
        Some(kid) => format!("the issuer has no key {}", Shown(kid)),
        None => format!("the token names no key, and the issuer has none for {alg}"),
    }
}

/// The characters a quoted string of a challenge may hold unescaped. Spec: RFC 6750 §3
const fn is_quotable(c: char) -> bool {
    matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e')
}

/// Text of the token as a log may show it: without control characters, at most 100 characters.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 100;
        self.0.chars().take(LONGEST).flat_map(char::escape_debug).try_for_each(|c| out.write_char(c))?;
        if self.0.chars().nth(LONGEST).is_some() { out.write_str("…") } else { Ok(()) }
    }
}
