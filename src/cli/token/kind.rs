//! The likely kind of a token.

use countersign_verifier::TokenKind;
use serde_json::Value;

/// The likely kind of a token, and the reason.
pub struct LikelyKind {
    /// The kind in words.
    pub name: &'static str,
    /// The kind to verify it as; none for other kinds than these two.
    pub checked_as: Option<TokenKind>,
    /// The reason.
    pub because: String,
}

/// The values of `typ` for other kinds than ID token and access token.
///
/// Spec: OpenID Connect Back-Channel Logout §2.4, RFC 9101 §10.8, RFC 9449 §4.2, RFC 9701 §5, RFC 8417 §2.3
const OTHERS: [(&str, &str); 6] = [
    ("logout+jwt", "logout token"),
    ("oauth-authz-req+jwt", "request object"),
    ("dpop+jwt", "DPoP proof"),
    ("token-introspection+jwt", "introspection answer"),
    ("secevent+jwt", "security event token"),
    ("client-authentication+jwt", "client assertion"),
];

/// The kind by `typ`, or by the claims where `typ` names none.
///
/// Spec: RFC 8725 §3.11, RFC 9068 §2.1
pub fn of(header: &Value, claims: &Value) -> LikelyKind {
    let has = |name: &str| claims.get(name).is_some();
    let typ = header.get("typ").and_then(Value::as_str).map(str::to_ascii_lowercase);
    let typ = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
    let kind = |name, checked_as, because: &str| LikelyKind { name, checked_as, because: because.to_owned() };
    match typ {
        Some("at+jwt") => kind("access token", Some(TokenKind::AccessToken), "its typ is at+jwt"),
        Some("jwt") | None if has("events") => kind("logout or event token", None, "it has the claim events"),
        Some("jwt") | None if has("scope") || has("client_id") || has("scp") => kind(
            "access token of an older form",
            None,
            "it has scope or client_id, though its typ is not at+jwt",
        ),
        Some("jwt") | None if has("iss") && has("sub") && has("aud") => {
            let telling = ["nonce", "at_hash", "auth_time", "sid", "azp", "c_hash", "acr"].into_iter();
            match telling.into_iter().find(|name| has(name)) {
                Some(name) => kind("ID token", Some(TokenKind::IdToken), &format!("it has the claim {name}")),
                None => kind(
                    "ID token",
                    Some(TokenKind::IdToken),
                    "it has iss, sub and aud, and nothing else speaks",
                ),
            }
        }
        Some("jwt") | None => kind("unknown", None, "it lacks iss, sub or aud"),
        Some(typ) => match OTHERS.iter().find(|(known, _)| *known == typ) {
            Some((known, name)) => kind(name, None, &format!("its typ is {known}")),
            None => kind("unknown", None, "its typ is none that this version knows"),
        },
    }
}
