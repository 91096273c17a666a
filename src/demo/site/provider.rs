//! Requests from a site to the provider, server to server.

use countersign_verifier::Claims;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::error::SiteError;
use super::metadata::Metadata;
use super::relying_party::Site;
use super::site_id::SiteId;
use super::trace::{Party, Step};

/// The longest accepted answer, in bytes.
const LONGEST: usize = 64 * 1024;

/// The tokens for a code.
#[derive(Deserialize)]
pub struct Tokens {
    pub(super) access_token: String,
    pub(super) id_token: String,
    pub(super) expires_in: i64,
    #[serde(default)]
    scope: String,
}

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

    /// Exchanges a code for tokens. Each site uses another client authentication method.
    ///
    /// Spec: RFC 6749 §4.1.3, RFC 7636 §4.5
    pub(super) async fn exchange(
        &self,
        code: &str,
        verifier: &str,
        resource: Option<&str>,
        steps: &mut Vec<Step>,
    ) -> Result<Tokens, SiteError> {
        let endpoint = &self.metadata().await?.token_endpoint;
        let callback = self.callback();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &callback),
            ("code_verifier", verifier),
        ];
        form.extend(resource.map(|resource| ("resource", resource)));
        let mut request = self.http.post(endpoint);
        let mut sent = vec![];
        match self.id {
            SiteId::Bank => {
                request = request.basic_auth(self.id.client_id(), Some(&self.secret));
                sent.push(("Authorization", "Basic -"));
            }
            SiteId::Fund => {
                form.extend([("client_id", self.id.client_id()), ("client_secret", &self.secret)]);
            }
        }
        sent.extend(form.iter().copied());
        let why = match resource {
            None => {
                "The code alone is worth nothing: the site proves who it is by its secret, and that it is the one \
                     who asked by the code_verifier, whose hash went ahead as code_challenge. A code works once."
            }
            Some(_) => {
                "The same again. The access token that comes back is for the API and for no other server."
            }
        };
        let step = Step::new(Party::Site, Party::Provider, format!("POST {endpoint}"), why).sent(&sent);
        let response = request.form(&form).send().await?;
        let status = in_words(response.status());
        let tokens: Tokens = read(response).await?;
        let lifetime = tokens.expires_in.to_string();
        let mut received =
            vec![("access_token", tokens.access_token.as_str()), ("id_token", &tokens.id_token)];
        received.extend([("expires_in", lifetime.as_str()), ("scope", &tokens.scope)]);
        steps.push(step.answered(status, &received));
        Ok(tokens)
    }

    /// Checks an ID Token: signature, issuer, audience, nonce, times, and that it belongs to the access token.
    ///
    /// Spec: OpenID Connect Core §3.1.3.7, §3.1.3.8
    pub(super) async fn check_id_token(
        &self,
        tokens: &Tokens,
        nonce: &str,
        for_api: bool,
        now: OffsetDateTime,
        steps: &mut Vec<Step>,
    ) -> Result<Claims, SiteError> {
        let checked = self.id_tokens.verify_with_nonce(&tokens.id_token, nonce, now).await;
        let claims = checked.map_err(|error| SiteError::NotAccepted(error.to_string()))?;
        // With the hash of the verifier crate, not with the code that made at_hash.
        let bound = claims.require_access_token(&tokens.access_token);
        bound.map_err(|error| SiteError::NotAccepted(error.to_string()))?;
        let why = if for_api {
            "The ID token that came along must speak of the same person. The access token is not the site's to check: \
             the API does that."
        } else {
            "The site checks the ID token by itself: the signature with the provider's public key, then iss, aud, exp \
             and the nonce it had sent. The keys are fetched now and then, not with each token."
        };
        let kid = claims.kid.clone().unwrap_or_default();
        let checked =
            [("kid", kid.as_str()), ("alg", claims.alg.as_str()), ("iss", &claims.iss), ("sub", &claims.sub)];
        let keys = [("keys from", self.metadata().await?.jwks_uri.as_str())];
        let step = Step::new(Party::Site, Party::Site, "check the ID token", why);
        steps.push(step.sent(&keys).answered("holds", &checked));
        Ok(claims)
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

/// Reads a successful JSON answer; an error answer becomes an error with its description.
async fn read<T: for<'de> Deserialize<'de>>(response: Response) -> Result<T, SiteError> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Said {
        error: String,
        error_description: String,
    }
    let status = response.status();
    let body = body(response).await?;
    if status != StatusCode::OK {
        let said: Said = serde_json::from_slice(&body).unwrap_or_default();
        let words = format!("{}, {} {}", in_words(status), said.error, said.error_description);
        return Err(SiteError::Provider(words.trim_end_matches([',', ' ']).to_owned()));
    }
    serde_json::from_slice(&body)
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
