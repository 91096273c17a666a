//! The view of a token: encoded, decoded and verified.

use countersign_verifier::{Refusal, Verifier, VerifyError, decode_unverified};
use serde_json::Value;
use time::OffsetDateTime;

use crate::clock::span;
use crate::demo::words;

/// A token on the page.
#[derive(Clone, Debug)]
pub struct TokenCard {
    /// The `id` of the heading.
    pub id: &'static str,
    /// The title.
    pub title: &'static str,
    /// The purpose.
    pub what: &'static str,
    /// Header, claims and signature, encoded.
    pub encoded: [String; 3],
    /// The header's members.
    pub header: Vec<Line>,
    /// The claims.
    pub claims: Vec<Line>,
    /// The result of verification.
    pub signature: Verdict,
    /// The remaining lifetime, in words.
    pub left: String,
    /// The remaining lifetime, in seconds.
    pub left_seconds: i64,
    /// The whole lifetime, in seconds.
    pub lifetime_seconds: i64,
}

/// One member of a token.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Its value as JSON.
    pub value: String,
    /// Its meaning.
    pub means: String,
}

/// The result of verification.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Whether the signature is valid.
    pub holds: bool,
    /// The result in words.
    pub words: String,
    /// The `kid` of the key.
    pub key: Option<String>,
}

impl TokenCard {
    /// The card of an ID token.
    pub(super) async fn of_id_token(token: &str, verifier: &Verifier, now: OffsetDateTime) -> TokenCard {
        let what = "The provider's signed word, to this site alone, that you signed in.";
        TokenCard::new("id-token", "The ID token", what, token, verifier, now).await
    }

    /// The card of the access token for the API.
    pub(super) async fn of_access_token(token: &str, verifier: &Verifier, now: OffsetDateTime) -> TokenCard {
        let what = "What this site shows to the API. A site need not look inside; here you may.";
        TokenCard::new("access-token", "The access token for the API", what, token, verifier, now).await
    }

    async fn new(
        id: &'static str,
        title: &'static str,
        what: &'static str,
        token: &str,
        verifier: &Verifier,
        now: OffsetDateTime,
    ) -> TokenCard {
        let mut parts = token.split('.').map(str::to_owned);
        let encoded = std::array::from_fn(|_| parts.next().unwrap_or_default());
        let decoded = decode_unverified(token).ok();
        let seconds = |name: &str| {
            decoded.as_ref().and_then(|decoded| decoded.claims.get(name)?.as_i64()).unwrap_or_default()
        };
        let (iat, exp) = (seconds("iat"), seconds("exp"));
        let left_seconds = exp - now.unix_timestamp();
        TokenCard {
            id,
            title,
            what,
            encoded,
            header: decoded.as_ref().map(|decoded| lines(&decoded.header, now)).unwrap_or_default(),
            claims: decoded.as_ref().map(|decoded| lines(&decoded.claims, now)).unwrap_or_default(),
            signature: verdict(token, verifier, now).await,
            left: match left_seconds {
                1.. => format!("{} left", span(left_seconds)),
                _ => format!("over since {}", span(left_seconds)),
            },
            left_seconds: left_seconds.max(0),
            lifetime_seconds: exp - iat,
        }
    }
}

/// Verifies the signature. The verifier compares times after it, so an expired token has a valid signature.
async fn verdict(token: &str, verifier: &Verifier, now: OffsetDateTime) -> Verdict {
    let holds =
        |kid: Option<&str>| Verdict { holds: true, words: "holds".into(), key: kid.map(str::to_owned) };
    match verifier.verify_at(token, now).await {
        Ok(claims) => holds(claims.kid.as_deref()),
        Err(VerifyError::Refused(Refusal::Expired { .. })) => {
            let decoded = decode_unverified(token).ok();
            holds(decoded.as_ref().and_then(|decoded| decoded.header.get("kid")?.as_str()))
        }
        Err(error) => Verdict { holds: false, words: error.to_string(), key: None },
    }
}

fn lines(object: &Value, now: OffsetDateTime) -> Vec<Line> {
    let members = object.as_object().into_iter().flatten();
    members
        .map(|(name, value)| Line {
            name: name.clone(),
            value: value.to_string(),
            means: meaning(name, value, now),
        })
        .collect()
}

fn meaning(name: &str, value: &Value, now: OffsetDateTime) -> String {
    let text = match name {
        "exp" | "iat" | "nbf" | "auth_time" => {
            let when = value.as_i64().and_then(|at| words::relative(at, now)).unwrap_or_default();
            return match name {
                "exp" => format!("not valid from {when}"),
                "iat" => format!("issued {when}"),
                "nbf" => format!("not valid before {when}"),
                _ => format!("you last signed in {when}"),
            };
        }
        "alg" => "the algorithm of the signature",
        "kid" => "which of the provider's keys",
        "typ" => "the kind of token, so that one is never taken for another",
        "iss" => "who says so",
        "sub" => "who you are, in a name that never changes",
        "aud" => "the only recipient it is for",
        "client_id" => "the site it was given to",
        "nonce" => "what this site made up for this one sign-in",
        "acr" => "how well you proved who you are",
        "amr" => "by what means: pwd is a password",
        "sid" => "your session at the provider, as this site knows it",
        "at_hash" => "ties it to the access token that came along",
        "jti" => "its own number",
        "scope" => "what the site may do there",
        "roles" => "what you are in this company",
        _ => "",
    };
    text.to_owned()
}
