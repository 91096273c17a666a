//! The `openidconnect` crate behind the same questions as the libraries of other languages.

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign::secret::{Token, base64url};
use josekit::jwk::Jwk;
use josekit::jws::{ES256, JwsSigner};
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreDeviceAuthorizationResponse, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreRevocableToken,
    CoreSubjectIdentifierType, CoreTokenResponse,
};
use openidconnect::{
    AccessToken, AdditionalProviderMetadata, AuthType, AuthorizationCode, ClientId, ClientSecret,
    DeviceAuthorizationUrl, EndpointMaybeSet, EndpointSet, ErrorResponse, IntrospectionUrl, IssuerUrl, Nonce,
    PkceCodeVerifier, ProviderMetadata, RedirectUrl, RefreshToken, RequestTokenError, RevocationUrl, Scope,
    TokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::flows::foreign_client::send;

/// What the crate does not read from the provider's metadata by itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct More {
    #[serde(rename = "device_authorization_endpoint")]
    device: DeviceAuthorizationUrl,
    #[serde(rename = "introspection_endpoint")]
    introspection: IntrospectionUrl,
    #[serde(rename = "revocation_endpoint")]
    revocation: RevocationUrl,
}

impl AdditionalProviderMetadata for More {}

type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Client =
    CoreClient<EndpointSet, EndpointSet, EndpointSet, EndpointSet, EndpointMaybeSet, EndpointMaybeSet>;

/// An application that uses the crate.
pub struct Crate {
    client: Client,
    issuer: String,
    key: Option<Jwk>,
    codes: Option<CoreDeviceAuthorizationResponse>,
}

fn text<'a>(question: &'a Value, name: &str) -> &'a str {
    question[name].as_str().unwrap_or_else(|| panic!("no {name} in {question}"))
}

/// The OAuth error of an answer, or why there is none.
fn failed<E: Error + 'static, T: ErrorResponse + 'static>(error: &RequestTokenError<E, T>) -> String {
    match error {
        RequestTokenError::ServerResponse(told) => json!(told)["error"].as_str().unwrap().to_owned(),
        _ => format!("{error:?}"),
    }
}

/// The crate revokes over TLS alone, and adds it where the test has none.
fn with_tls(url: &RevocationUrl) -> RevocationUrl {
    RevocationUrl::new(url.as_str().replacen("http:", "https:", 1)).unwrap()
}

impl Crate {
    pub async fn new(question: &Value) -> Crate {
        let issuer = IssuerUrl::new(text(question, "issuer").into()).unwrap();
        let found = Metadata::discover_async(issuer, &send).await.unwrap();
        let More { device, introspection, revocation } = found.additional_metadata().clone();
        let secret = question["client_secret"].as_str().map(|secret| ClientSecret::new(secret.into()));
        let id = ClientId::new(text(question, "client_id").into());
        let client = CoreClient::from_provider_metadata(found, id, secret)
            .set_device_authorization_url(device)
            .set_introspection_url(introspection)
            .set_revocation_url(with_tls(&revocation));
        let key = question["key"].as_object().map(|members| Jwk::from_map(members.clone()).unwrap());
        // An assertion travels beside the identifier.
        let client = if key.is_some() { client.set_auth_type(AuthType::RequestBody) } else { client };
        Crate { client, issuer: text(question, "issuer").into(), key, codes: None }
    }

    /// The two parameters by which a client with a key authenticates. The crate has none of its own.
    fn assertion(&self) -> Vec<(&'static str, String)> {
        let Some(key) = &self.key else { return vec![] };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let id = self.client.client_id().as_str();
        let claims = json!({ "iss": id, "sub": id, "aud": self.issuer, "exp": now + 60,
            "jti": Token::generate().expose() });
        let header = json!({ "alg": "ES256", "kid": key.key_id() });
        let [header, claims] = [header, claims].map(|part| base64url(part.to_string().as_bytes()));
        let message = format!("{header}.{claims}");
        let signature = ES256.signer_from_jwk(key).unwrap().sign(message.as_bytes()).unwrap();
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let assertion = format!("{message}.{}", base64url(&signature));
        vec![("client_assertion_type", kind.into()), ("client_assertion", assertion)]
    }

    /// Does what a question asks for.
    pub async fn answer(&mut self, question: &Value) -> Result<Value, String> {
        match text(question, "step") {
            "code" => self.code(question).await,
            "refresh" => self.refresh(&question["tokens"]).await,
            "introspect" => self.introspect(question).await,
            "revoke" => self.revoke(question).await,
            "client_credentials" => self.client_credentials(question).await,
            "device" => self.device(question).await,
            "poll_once" => self.poll(false).await,
            "poll" => self.poll(true).await,
            step => panic!("{step} is no step"),
        }
    }

    async fn code(&self, question: &Value) -> Result<Value, String> {
        let callback = url::Url::parse(text(question, "callback")).unwrap();
        let code = callback.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let redirect_uri = RedirectUrl::new(text(question, "redirect_uri").into()).unwrap();
        let client = self.client.clone().set_redirect_uri(redirect_uri);
        let mut request = client.exchange_code(AuthorizationCode::new(code)).unwrap();
        for (name, value) in self.assertion() {
            request = request.add_extra_param(name, value);
        }
        let verifier = PkceCodeVerifier::new(text(question, "code_verifier").into());
        let answer = request.set_pkce_verifier(verifier).request_async(&send).await;
        self.checked(&answer.map_err(|error| failed(&error))?, Some(text(question, "nonce")))
    }

    async fn refresh(&self, tokens: &Value) -> Result<Value, String> {
        let token = RefreshToken::new(text(tokens, "refresh_token").into());
        let mut request = self.client.exchange_refresh_token(&token).unwrap();
        for (name, value) in self.assertion() {
            request = request.add_extra_param(name, value);
        }
        let answer = request.request_async(&send).await;
        self.checked(&answer.map_err(|error| failed(&error))?, None)
    }

    /// The tokens, once the crate has verified the ID token.
    fn checked(&self, tokens: &CoreTokenResponse, nonce: Option<&str>) -> Result<Value, String> {
        let expected = |found: Option<&Nonce>| {
            if found.map(|found| found.secret().as_str()) == nonce { Ok(()) } else { Err("nonce".into()) }
        };
        let id_token = tokens.id_token().ok_or("no ID token")?;
        id_token.claims(&self.client.id_token_verifier(), expected).map_err(|error| error.to_string())?;
        Ok(json!(tokens))
    }

    async fn introspect(&self, question: &Value) -> Result<Value, String> {
        let token = AccessToken::new(text(question, "token").into());
        let mut request = self.client.introspect(&token).set_token_type_hint(text(question, "hint"));
        for (name, value) in self.assertion() {
            request = request.add_extra_param(name, value);
        }
        let answer = request.request_async(&send).await;
        answer.map(|told| json!(told)).map_err(|error| failed(&error))
    }

    async fn revoke(&self, question: &Value) -> Result<Value, String> {
        let token = text(question, "token").to_owned();
        let token = match text(question, "hint") {
            "refresh_token" => CoreRevocableToken::RefreshToken(RefreshToken::new(token)),
            _ => CoreRevocableToken::AccessToken(AccessToken::new(token)),
        };
        let mut request = self.client.revoke_token(token).unwrap();
        for (name, value) in self.assertion() {
            request = request.add_extra_param(name, value);
        }
        request.request_async(&without_tls).await.map(|()| json!({})).map_err(|error| failed(&error))
    }

    async fn client_credentials(&self, question: &Value) -> Result<Value, String> {
        let request = self.client.exchange_client_credentials().unwrap();
        let mut request = request.add_scope(Scope::new(text(question, "scope").into()));
        request = request.add_extra_param("resource", text(question, "resource"));
        for (name, value) in self.assertion() {
            request = request.add_extra_param(name, value);
        }
        let answer = request.request_async(&send).await;
        answer.map(|tokens| json!(tokens)).map_err(|error| failed(&error))
    }

    async fn device(&mut self, question: &Value) -> Result<Value, String> {
        let client = self.client.clone().disable_openid_scope();
        let request = client.exchange_device_code().add_scope(Scope::new(text(question, "scope").into()));
        let codes: CoreDeviceAuthorizationResponse =
            request.request_async(&send).await.map_err(|error| failed(&error))?;
        let link = codes.verification_uri_complete().unwrap().secret().clone();
        let told = json!({ "device": codes.device_code().secret(), "user": codes.user_code().secret(),
            "link": link });
        self.codes = Some(codes);
        Ok(told)
    }

    /// Polls until the person has decided, or up to the moment at which the crate would wait.
    async fn poll(&self, is_patient: bool) -> Result<Value, String> {
        let codes = self.codes.as_ref().unwrap();
        let is_pending = Notify::new();
        let wait = |interval: Duration| {
            is_pending.notify_one();
            sleep(interval)
        };
        if is_patient {
            sleep(codes.interval()).await;
        }
        let request = self.client.exchange_device_access_token(codes).unwrap();
        let polling = request.request_async(&send, wait, None);
        tokio::select! {
            answer = polling => self.checked(&answer.map_err(|error| failed(&error))?, None),
            () = is_pending.notified(), if !is_patient => Err("authorization_pending".into()),
        }
    }
}

/// Sends to an address of the test what the crate would send over TLS.
async fn without_tls(
    mut request: openidconnect::HttpRequest,
) -> Result<openidconnect::HttpResponse, reqwest::Error> {
    *request.uri_mut() = request.uri().to_string().replacen("https:", "http:", 1).parse().unwrap();
    send(request).await
}
