//! Which keys are asked, and what they say of a token.

use anyhow::{Context as _, bail};
use clap::Args;
use countersign_verifier::{Check, Claims, KeySet, Refusal, Verifier, VerifierBuilder, VerifyError, verify};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::cli::context::{Context, Opened};
use crate::cli::input;
use crate::db::Db;
use crate::store::signing_keys;

/// Where keys can be had other than from the configured provider.
#[derive(Args)]
pub struct Source {
    /// The issuer's keys: a file with a JWK set, or its address
    #[arg(long, value_name = "FILE|URL")]
    pub jwks: Option<String>,
}

/// Keys to check with.
pub enum Keys {
    /// At hand.
    Set(KeySet),
    /// To be fetched from an address.
    At(String),
    /// To be found by the token's issuer.
    OfIssuer,
}

/// Keys, and where they are from.
pub struct Found {
    /// The keys.
    pub keys: Keys,
    /// In words.
    pub from: String,
    /// The provider they are from, when it is the configured one.
    pub provider: Option<Opened>,
}

/// Why a token did not pass.
pub enum Fault {
    /// The token is at fault.
    Refused(Refusal),
    /// There were no keys to ask.
    NoKeys(String),
}

impl Source {
    /// The keys named on the command line; none when none were.
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

/// The keys of the configured provider, also those it no longer publishes; none when it has none yet.
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

/// Checks a token with whatever keys there are.
pub async fn check(token: &str, check: &Check, keys: &Keys, now: OffsetDateTime) -> Result<Claims, Fault> {
    let builder = || Verifier::builder(&check.issuer, &check.audience).kind(check.kind);
    match keys {
        Keys::Set(set) => verify(token, set, check, now).map_err(Fault::Refused),
        Keys::At(address) => fetching(token, builder().jwks_url(address), now).await,
        Keys::OfIssuer => fetching(token, builder(), now).await,
    }
}

async fn fetching(token: &str, builder: VerifierBuilder, now: OffsetDateTime) -> Result<Claims, Fault> {
    let verifier = builder.build().map_err(|error| Fault::NoKeys(error.to_string()))?;
    verifier.verify_at(token, now).await.map_err(|error| match error {
        VerifyError::Refused(refusal) => Fault::Refused(refusal),
        VerifyError::KeysUnavailable(cause) => Fault::NoKeys(cause.to_string()),
    })
}
