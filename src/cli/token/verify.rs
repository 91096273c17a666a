//! `token verify`: the check that an API or an application makes.

use anyhow::{anyhow, bail};
use clap::Args;
use countersign_verifier::{Check, Claims, Decoded, TokenKind, decode_unverified};
use serde_json::{Value, json};

use super::kind::{self, LikelyKind};
use super::signature::{self, Found, Source, Unverified};
use super::{not_decoded, token};
use crate::cli::context::Context;
use crate::cli::report::Report;
use crate::clock::span;

/// The token, and the expected values.
#[derive(Args)]
pub struct Verify {
    /// The token; - reads it from standard input
    token: Option<String>,
    #[command(flatten)]
    source: Source,
    /// Who must have issued it [default: the configured provider, if the keys are its own]
    #[arg(long)]
    issuer: Option<String>,
    /// Whom it must be for: the API's identifier, or the client's
    #[arg(long)]
    audience: Option<String>,
    /// It must be an ID token
    #[arg(long, conflicts_with = "access_token")]
    id_token: bool,
    /// It must be an access token
    #[arg(long)]
    access_token: bool,
}

/// Verifies a token.
pub async fn run(flags: Verify, context: &Context) -> anyhow::Result<Report> {
    let found = match flags.source.named()? {
        Some(found) => found,
        None => signature::of_provider(context)?.ok_or_else(|| {
            anyhow!("there are no keys to check with: name some with --jwks FILE or --jwks URL")
        })?,
    };
    let token = token(flags.token.as_deref())?;
    let decoded = decode_unverified(&token).map_err(|refusal| not_decoded(&token, &refusal))?;
    let (check, not_compared) = expected(flags, &decoded, &found)?;
    let now = context.now();
    match signature::check(&token, &check, &found.keys, now).await {
        Ok(claims) => Ok(passed(&claims, check.kind, &found.from, &not_compared, now.unix_timestamp())),
        Err(Unverified::NoKeys(cause)) => bail!("the keys cannot be had from {}: {cause}", found.from),
        Err(Unverified::Refused(refusal)) => {
            let json =
                json!({ "valid": false, "error": refusal.error_code(), "reason": refusal.to_string() });
            let fault = Some(format!("the token does not pass: {refusal}"));
            Ok(Report { fault, ..Report::new(json, String::new()) })
        }
    }
}

/// The check. Values that are not given are taken from the token itself, and named in the answer.
fn expected(flags: Verify, decoded: &Decoded, found: &Found) -> anyhow::Result<(Check, Vec<&'static str>)> {
    let mut not_compared = vec![];
    let kind = match (flags.id_token, flags.access_token) {
        (true, _) => TokenKind::IdToken,
        (_, true) => TokenKind::AccessToken,
        _ => {
            not_compared.push("kind");
            let seems = kind::of(&decoded.header, &decoded.claims);
            seems.checked_as.ok_or_else(|| {
                let LikelyKind { name, because, .. } = seems;
                anyhow!("kind of token: {name}, because {because}; say --id-token or --access-token to check it as one")
            })?
        }
    };
    let issuer = flags.issuer.or_else(|| found.provider.as_ref().map(|opened| opened.config.issuer.clone()));
    let issuer = issuer.unwrap_or_else(|| {
        not_compared.push("issuer");
        text(&decoded.claims, "iss")
    });
    let audience = flags.audience.unwrap_or_else(|| {
        not_compared.push("audience");
        audience(&decoded.claims)
    });
    Ok((check_of(kind, issuer, audience), not_compared))
}

fn passed(claims: &Claims, kind: TokenKind, from: &str, not_compared: &[&str], now: i64) -> Report {
    let kind = kind_name(kind);
    let mut text = format!(
        "The token passes: {kind} of {} for {}, about {}, signed with {} by {}, expires in {}.",
        claims.iss,
        claims.aud.join(" and "),
        claims.sub,
        claims.alg,
        claims.kid.as_deref().map_or_else(|| "the only key that fits".to_owned(), |kid| format!("key {kid}")),
        span(claims.exp.saturating_sub(now))
    );
    if !not_compared.is_empty() {
        text += "\nNot compared, because nothing was said of it: ";
        text += &not_compared.join(", ");
    }
    let json = json!({
        "valid": true,
        "kind": kind,
        "kid": claims.kid,
        "alg": claims.alg.as_str(),
        "keys_from": from,
        "not_compared": not_compared,
        "claims": claims.raw,
    });
    Report::new(json, text)
}

fn kind_name(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::IdToken => "ID token",
        TokenKind::AccessToken => "access token",
    }
}

/// A check of this kind.
pub fn check_of(kind: TokenKind, issuer: String, audience: String) -> Check {
    match kind {
        TokenKind::IdToken => Check::id_token(issuer, audience),
        TokenKind::AccessToken => Check::access_token(issuer, audience),
    }
}

/// A claim as text; empty when it is absent, which no check accepts.
pub fn text(claims: &Value, name: &str) -> String {
    claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The first audience, which the check accepts.
pub fn audience(claims: &Value) -> String {
    match claims.get("aud") {
        Some(Value::Array(several)) => several.first().and_then(Value::as_str).unwrap_or_default().to_owned(),
        _ => text(claims, "aud"),
    }
}
