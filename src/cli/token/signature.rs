//! The keys for a token, and checking with them.

use anyhow::{Context as _, bail};
use clap::Args;
use countersign_verifier::{Check, Claims, KeySet, Refusal, Verifier, VerifierBuilder, VerifyError, verify};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::cli::context::{Context, Opened};
use crate::cli::input;
use crate::db::Db;
use crate::store::signing_keys;

/// The source of keys other than the configured provider.
#[derive(Args)]
pub struct Source {
    /// The issuer's keys: a file with a JWK set, or its address
    #[arg(long, value_name = "FILE|URL")]
    pub jwks: Option<String>,
}

/// Keys to verify with.
pub enum Keys {
    /// A key set that is already read.
    Set(KeySet),
    /// A key set at an address.
    At(String),
    /// The key set of the token's issuer, by discovery.
    OfIssuer,
}

/// Keys and their source.
pub struct Found {
    /// The keys.
    pub keys: Keys,
    /// The source in words.
    pub from: String,
    /// The configured provider, if the keys are its own.
    pub provider: Option<Opened>,
}

/// Why a token is not verified.
pub enum Unverified {
    /// The token is refused.
    Refused(Refusal),
    /// The keys cannot be had.
    NoKeys(String),
}

impl Source {
    /// The keys named on the command line, if any are.
    pub fn named(&self) -> anyhow::Result<Option<Found>> {
        let Some(jwks) = &self.jwks else { return Ok(None) };
        let keys = if jwks.starts_with("https://") || jwks.starts_with("http://") {
            Keys::At(jwks.clone())
        } else {
            let bytes = input::file(jwks.as_ref())?;
            let set = KeySet::from_json(&bytes).with_context(|| jwks.clone())?;
            if set.is_empty() {
                bail!("{jwks} has no key that can check a signature");
            }
            Keys::Set(set)
        };
        Ok(Some(Found { keys, from: jwks.clone(), provider: None }))
    }
}

/// The keys of the configured provider, with those that are no longer public; none when it has none yet.
pub fn of_provider(context: &Context) -> anyhow::Result<Option<Found>> {
    let Some(opened) = context.open_if_there()? else { return Ok(None) };
    let set = stored(&opened.db)?;
    if set.is_empty() {
        return Ok(None);
    }
    let from = format!("the database {}", opened.db.shown_url());
    Ok(Some(Found { keys: Keys::Set(set), from, provider: Some(opened) }))
}

fn stored(db: &Db) -> anyhow::Result<KeySet> {
    let mut keys = vec![];
    for key in db.read_now(signing_keys::list)? {
        let mut jwk: Map<String, Value> = serde_json::from_str(&key.public_jwk)?;
        jwk.extend([("kid".to_owned(), json!(key.kid)), ("alg".to_owned(), json!(key.alg))]);
        keys.push(jwk);
    }
    Ok(KeySet::from_json(json!({ "keys": keys }).to_string().as_bytes())?)
}

/// Verifies a token with these keys.
pub async fn check(
    token: &str,
    check: &Check,
    keys: &Keys,
    now: OffsetDateTime,
) -> Result<Claims, Unverified> {
    let builder = || Verifier::builder(&check.issuer, &check.audience).kind(check.kind);
    match keys {
        Keys::Set(set) => verify(token, set, check, now).map_err(Unverified::Refused),
        Keys::At(address) => fetching(token, builder().jwks_url(address), now).await,
        Keys::OfIssuer => fetching(token, builder(), now).await,
    }
}

async fn fetching(token: &str, builder: VerifierBuilder, now: OffsetDateTime) -> Result<Claims, Unverified> {
    let verifier = builder.build().map_err(|error| Unverified::NoKeys(error.to_string()))?;
    verifier.verify_at(token, now).await.map_err(|error| match error {
        VerifyError::Refused(refusal) => Unverified::Refused(refusal),
        VerifyError::KeysUnavailable(cause) => Unverified::NoKeys(cause.to_string()),
    })
}
