//! Requests to the provider's token endpoint, and the check of the ID tokens it issues.

use countersign_verifier::Claims;
use serde::Deserialize;
use time::OffsetDateTime;

use super::error::SiteError;
use super::provider::{in_words, read_or_said};
use super::relying_party::Site;
use super::trace::{Party, Step};

/// Tokens are renewed this long before they expire, in seconds: they take time to arrive.
const MARGIN_SECONDS: i64 = 5;

/// Tokens for a code or a refresh token.
#[derive(Deserialize)]
pub struct Tokens {
    pub(super) access_token: String,
    pub(super) id_token: String,
    pub(super) refresh_token: String,
    expires_in: i64,
    #[serde(default)]
    scope: String,
}

impl Tokens {
    /// When they are to be renewed, in epoch seconds.
    pub(super) fn until(&self, now: OffsetDateTime) -> i64 {
        now.unix_timestamp() + self.expires_in - MARGIN_SECONDS
    }
}

/// The answer to a code or a refresh token.
pub enum Granted {
    /// New tokens.
    Tokens(Tokens),
    /// `invalid_grant`, with its description: what was presented is not good any more.
    Refused(String),
}

impl Site {
    /// Exchanges a code for tokens.
    ///
    /// Spec: RFC 6749 §4.1.3, RFC 7636 §4.5
    pub(super) async fn exchange(
        &self,
        code: &str,
        verifier: &str,
        resource: Option<&str>,
        steps: &mut Vec<Step>,
    ) -> Result<Tokens, SiteError> {
        let callback = self.callback();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &callback),
            ("code_verifier", verifier),
        ];
        form.extend(resource.map(|resource| ("resource", resource)));
        let why = match (resource, &self.secret) {
            (None, Some(_)) => {
                "The code alone is worth nothing: the site proves who it is by its secret, and that it is the one \
                 who asked by the code_verifier, whose hash went ahead as code_challenge. A code works once."
            }
            (None, None) => {
                "The code alone is worth nothing: the site proves that it is the one who asked by the code_verifier, \
                 whose hash went ahead as code_challenge. It has no secret to send along. A code works once."
            }
            (Some(_), _) => {
                "The same again. The access token that comes back is for the API and for no other server."
            }
        };
        match self.ask_for_tokens(form, why, steps).await? {
            Granted::Tokens(tokens) => Ok(tokens),
            Granted::Refused(words) => Err(SiteError::Provider(words)),
        }
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

    /// Exchanges a refresh token for new tokens.
    ///
    /// Spec: RFC 6749 §6
    pub(super) async fn refresh(
        &self,
        token: &str,
        why: &str,
        steps: &mut Vec<Step>,
    ) -> Result<Granted, SiteError> {
        let form = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        self.ask_for_tokens(form, why, steps).await
    }

    /// Sends a form to the token endpoint, with the secret of a site that has one.
    ///
    /// Spec: RFC 6749 §2.3.1, §5.2
    async fn ask_for_tokens<'a>(
        &'a self,
        mut form: Vec<(&'a str, &'a str)>,
        why: &str,
        steps: &mut Vec<Step>,
    ) -> Result<Granted, SiteError> {
        let endpoint = &self.metadata().await?.token_endpoint;
        form.push(("client_id", self.id.client_id()));
        form.extend(self.secret.as_deref().map(|secret| ("client_secret", secret)));
        let step = Step::new(Party::Site, Party::Provider, format!("POST {endpoint}"), why).sent(&form);
        let response = self.http.post(endpoint).form(&form).send().await?;
        let status = response.status();
        let tokens: Tokens = match read_or_said(response).await? {
            Ok(tokens) => tokens,
            Err(said) if said.error == "invalid_grant" => {
                let received =
                    [("error", said.error.as_str()), ("error_description", &said.error_description)];
                steps.push(step.answered(in_words(status), &received));
                return Ok(Granted::Refused(said.words(status)));
            }
            Err(said) => return Err(SiteError::Provider(said.words(status))),
        };
        let lifetime = tokens.expires_in.to_string();
        let received = [
            ("access_token", tokens.access_token.as_str()),
            ("id_token", &tokens.id_token),
            ("refresh_token", &tokens.refresh_token),
            ("expires_in", &lifetime),
            ("scope", &tokens.scope),
        ];
        steps.push(step.answered(in_words(status), &received));
        Ok(Granted::Tokens(tokens))
    }
}
