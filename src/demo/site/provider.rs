//! Requests from a site to the provider, server to server.

use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::SiteError;
use super::metadata::Metadata;
use super::relying_party::Site;
use super::trace::{Party, Step};

/// The longest accepted answer, in bytes.
const LONGEST: usize = 64 * 1024;

/// The answer of UserInfo.
pub enum UserInfo {
    /// The claims.
    Claims(Map<String, Value>),
    /// The token is not accepted any more: its session has ended.
    Refused,
}

impl Site {
    /// The provider's metadata, fetched once.
    pub(super) async fn metadata(&self) -> Result<&Metadata, SiteError> {
        self.metadata
            .get_or_try_init(|| async {
                let url = format!("{}/.well-known/openid-configuration", self.issuer);
                let response = self.http.get(url).send().await?;
                let metadata: Metadata = read(response).await?;
                if metadata.issuer != self.issuer {
                    return Err(SiteError::OtherIssuer(metadata.issuer));
                }
                Ok(metadata)
            })
            .await
    }

    /// Fetches the claims of the person.
    ///
    /// Spec: OpenID Connect Core §5.3
    pub(super) async fn userinfo(&self, token: &str, steps: &mut Vec<Step>) -> Result<UserInfo, SiteError> {
        let endpoint = &self.metadata().await?.userinfo_endpoint;
        let why = "An ID token says who signed in, and nothing more. Name and e-mail are asked for with the access token.";
        let step = Step::new(Party::Site, Party::Provider, format!("GET {endpoint}"), why)
            .sent(&[("Authorization", &format!("Bearer {token}"))]);
        let response = self.http.get(endpoint).bearer_auth(token).send().await?;
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED {
            steps.push(step.answered(in_words(status), &[]));
            return Ok(UserInfo::Refused);
        }
        let claims: Map<String, Value> = read(response).await?;
        let texts: Vec<(&str, String)> =
            claims.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
        let received: Vec<(&str, &str)> = texts.iter().map(|(name, value)| (*name, value.as_str())).collect();
        steps.push(step.answered(in_words(status), &received));
        Ok(UserInfo::Claims(claims))
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A status with its reason phrase.
pub(super) fn in_words(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// An error answer.
///
/// Spec: RFC 6749 §5.2
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Said {
    pub(super) error: String,
    pub(super) error_description: String,
}

impl Said {
    /// The answer in words, with its status.
    pub(super) fn words(&self, status: StatusCode) -> String {
        let words = format!("{}, {} {}", in_words(status), self.error, self.error_description);
        words.trim_end_matches([',', ' ']).to_owned()
    }
}

/// Reads a successful JSON answer; an error answer becomes an error with its description.
async fn read<T: for<'de> Deserialize<'de>>(response: Response) -> Result<T, SiteError> {
    let status = response.status();
    read_or_said(response).await?.map_err(|said: Said| SiteError::Provider(said.words(status)))
}

/// Reads a successful JSON answer, or what an error answer says.
pub(super) async fn read_or_said<T: for<'de> Deserialize<'de>>(
    response: Response,
) -> Result<Result<T, Said>, SiteError> {
    let status = response.status();
    let body = body(response).await?;
    if status != StatusCode::OK {
        return Ok(Err(serde_json::from_slice(&body).unwrap_or_default()));
    }
    serde_json::from_slice(&body)
        .map(Ok)
        .map_err(|error| SiteError::Provider(format!("an answer that cannot be read ({error})")))
}

/// Reads a body of limited length.
pub(super) async fn body(mut response: Response) -> Result<Vec<u8>, SiteError> {
    let mut body = vec![];
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LONGEST {
            return Err(SiteError::Provider("an answer that is too long".into()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
