//! `token inspect`: header and claims of a token, its signature, and the provider's live state for it.

use std::fmt::Write as _;

use clap::Args;
use countersign_verifier::{Claims, Decoded, Refusal, TokenKind, decode_unverified};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::kind::{self, LikelyKind};
use super::signature::{self, Found, Keys, Source, Unverified};
use super::verify::{audience, check_of, text};
use super::{not_decoded, times, token};
use crate::cli::context::{Context, Opened};
use crate::cli::report::{Report, members, plain};
use crate::ids::GrantId;
use crate::secret::from_base64url;
use crate::store::clients;
use crate::store::grants::{self, Issued, Standing};

/// The token, and the source of the keys.
#[derive(Args)]
pub struct Inspect {
    /// The token; - reads it from standard input
    token: Option<String>,
    #[command(flatten)]
    source: Source,
    /// Fetch the keys from the issuer the token names
    #[arg(long, conflicts_with = "jwks")]
    fetch: bool,
}

/// The result of checking a signature.
struct Signature {
    holds: Option<bool>,
    words: String,
    from: Option<String>,
    /// Another reason to refuse the token.
    problem: Option<String>,
}

/// Shows a token. This succeeds for every readable token; `token verify` decides.
pub async fn run(flags: Inspect, context: &Context) -> anyhow::Result<Report> {
    let token = token(flags.token.as_deref())?;
    let decoded = decode_unverified(&token).map_err(|refusal| not_decoded(&token, &refusal))?;
    let now = context.now();
    let kind = kind::of(&decoded.header, &decoded.claims);
    let (found, no_keys) = match keys(&flags, context)? {
        Ok(found) => (Some(found), String::new()),
        Err(why) => (None, why),
    };
    let signature = match &found {
        Some(found) => signed(&token, &decoded, &kind, found, now).await,
        None => unchecked(no_keys, None),
    };
    let provider = found.and_then(|found| found.provider);
    let (issuer, live) = match (&provider, signature.holds) {
        (Some(opened), Some(true)) => (None, live(opened, &decoded.claims, &kind, now).await?),
        (Some(opened), _) => (other_issuer(opened, &decoded.claims), None),
        (None, _) => (None, None),
    };
    let problems: Vec<String> = [signature.problem, issuer].into_iter().flatten().collect();
    let verdict = match signature.holds {
        Some(true) => "holds",
        Some(false) => "broken",
        None => "unchecked",
    };
    let json = json!({
        "kind": kind.name,
        "because": kind.because,
        "header": decoded.header,
        "claims": decoded.claims,
        "times": times::of(&decoded.claims, now.unix_timestamp()),
        "signature": { "verdict": verdict, "words": signature.words, "keys_from": signature.from },
        "problems": problems,
        "live": live,
    });
    let text = in_words(&json);
    Ok(Report::new(json, text))
}

/// The keys, or in words why there are none.
fn keys(flags: &Inspect, context: &Context) -> anyhow::Result<Result<Found, String>> {
    if flags.fetch {
        return Ok(Ok(Found { keys: Keys::OfIssuer, from: "the issuer it names".into(), provider: None }));
    }
    if let Some(found) = flags.source.named()? {
        return Ok(Ok(found));
    }
    let advice = "name keys with --jwks FILE|URL, or let --fetch ask the issuer";
    match signature::of_provider(context) {
        Ok(Some(found)) => Ok(Ok(found)),
        Ok(None) => Ok(Err(format!("no provider has keys here: {advice}"))),
        // A token can be inspected without a configuration. A configuration file that was named has to be valid.
        Err(error) if !context.names_a_file() => Ok(Err(format!("{error:#}; {advice}"))),
        Err(error) => Err(error),
    }
}

fn unchecked(words: String, from: Option<String>) -> Signature {
    Signature { holds: None, words, from, problem: None }
}

/// Checks the signature alone: issuer and audience are taken from the token itself.
async fn signed(
    token: &str,
    decoded: &Decoded,
    kind: &LikelyKind,
    found: &Found,
    now: OffsetDateTime,
) -> Signature {
    let from = Some(found.from.clone());
    let Some(as_kind) = kind.checked_as else {
        return unchecked("only access tokens and ID tokens are checked".into(), None);
    };
    let check = check_of(as_kind, text(&decoded.claims, "iss"), audience(&decoded.claims));
    let holds = |problem| Signature {
        holds: Some(true),
        words: by_key(&decoded.header),
        from: from.clone(),
        problem,
    };
    match signature::check(token, &check, &found.keys, now).await {
        Ok(Claims { .. }) => holds(None),
        Err(Unverified::NoKeys(cause)) => unchecked(format!("the keys cannot be had: {cause}"), from),
        Err(Unverified::Refused(refusal)) => match refusal {
            Refusal::BadSignature { .. } => {
                Signature { holds: Some(false), words: refusal.to_string(), from, problem: None }
            }
            // The audience is the token's own, so several of them are no fault here.
            Refusal::WrongAudience { .. } => holds(None),
            refusal if is_after_signature(&refusal) => holds(Some(refusal.to_string())),
            refusal => unchecked(refusal.to_string(), from),
        },
    }
}

/// Whether a refusal comes after the signature was found valid.
fn is_after_signature(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::MissingClaim("client_id" | "jti")
            | Refusal::BoundToken
            | Refusal::ForeignClaim(_)
            | Refusal::Expired { .. }
            | Refusal::ExpiryTooFar
            | Refusal::NotYetValid { .. }
    )
}

fn by_key(header: &Value) -> String {
    let name = |member: &str| header.get(member).and_then(Value::as_str);
    let key = name("kid").map_or_else(|| "the only key that fits".to_owned(), |kid| format!("key {kid}"));
    format!("it is that of {key}, with {}", name("alg").unwrap_or_default())
}

fn other_issuer(opened: &Opened, claims: &Value) -> Option<String> {
    let (found, ours) = (text(claims, "iss"), &opened.config.issuer);
    (found != *ours)
        .then(|| format!("the token names issuer {found:?}, but the provider configured here is {ours}"))
}

/// The live state of an access token of this provider: its grant and its person.
async fn live(
    opened: &Opened,
    claims: &Value,
    kind: &LikelyKind,
    now: OffsetDateTime,
) -> anyhow::Result<Option<String>> {
    if kind.checked_as != Some(TokenKind::AccessToken) {
        return Ok(None);
    }
    let grant = from_base64url(&text(claims, "jti"))
        .and_then(|bytes| GrantId::from_bytes(bytes.first_chunk::<16>()?));
    let Some(grant) = grant else { return Ok(None) };
    let (user_id, client_id) = (&text(claims, "sub"), &text(claims, "client_id"));
    let at = claims.get("iat").and_then(Value::as_i64).unwrap_or_default();
    // A pairwise `sub` is not looked up: the person is that of the row of the grant, if it has one.
    let client = clients::by_id(&opened.db, client_id).await?;
    let is_public = client.is_none_or(|client| client.sector().is_none());
    let person = (user_id != client_id && is_public).then_some(user_id.as_str());
    let jti = &text(claims, "jti");
    let issued = Issued { grant_id: grant, user_id: person, client_id, at, jti };
    let standing = grants::standing(&opened.db, &issued, now).await?;
    Ok(Some(match standing {
        Some(Standing { user: None, .. }) if !is_public && user_id != client_id => {
            "the main database knows nothing against it; its pairwise sub does not tell whose it is".into()
        }
        Some(Standing { user: None, .. }) => "the provider stands by it: it is the client's own".into(),
        Some(Standing { user: Some(user), .. }) => format!("the provider stands by it: it is {}'s", user.login),
        None => {
            "the provider does not stand by it any more: it was taken back, or its person or its client is disabled or gone"
                .into()
        }
    }))
}

fn in_words(json: &Value) -> String {
    let word = |member: &Value, name: &str| member.get(name).map(plain).unwrap_or_default();
    let part = |name: &str| json.get(name).cloned().unwrap_or_default();
    let mut text = format!("Kind: {} ({})\n", word(json, "kind"), word(json, "because"));
    let _infallible = write!(text, "\nHeader\n{:#}\n\nClaims\n{:#}\n", part("header"), part("claims"));
    if let Value::Object(times) = part("times") {
        let lines: Map<String, Value> = times
            .into_iter()
            .map(|(name, at)| {
                let time = at
                    .get("time")
                    .and_then(Value::as_str)
                    .map(|time| format!("{time}  "))
                    .unwrap_or_default();
                (name, Value::from(time + &word(&at, "words")))
            })
            .collect();
        let _infallible = write!(text, "\nTimes\n{}", members(&lines));
    }
    let signature = part("signature");
    let verdict = match word(&signature, "verdict").as_str() {
        "holds" => "holds",
        "broken" => "DOES NOT HOLD",
        _ => "not checked",
    };
    let _infallible = write!(text, "\nSignature: {verdict}; {}", word(&signature, "words"));
    if let Some(from) = signature.get("keys_from").and_then(Value::as_str) {
        let _infallible = write!(text, " (keys from {from})");
    }
    for problem in part("problems").as_array().into_iter().flatten() {
        let _infallible = write!(text, "\nProblem: {}", plain(problem));
    }
    if let Some(live) = json.get("live").and_then(Value::as_str) {
        let _infallible = write!(text, "\nNow: {live}");
    }
    text
}
