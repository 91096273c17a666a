//! A Relying Party by hand: builds requests, redeems codes, reads tokens.

use countersign::protocol::client::{Client, ClientSecret, Secrets};
use countersign::secret::TokenHash;
use data_encoding::BASE64URL_NOPAD;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use time::OffsetDateTime;
use url::Url;

use super::app::{PASSWORD, REDIRECT, TestApp};
use super::browser::{Answer, Browser};

/// A verifier, and its challenge.
pub const VERIFIER: &str = "project-pkce-verifier_0123456789-ABCDEFGHIJKLMNOP";
pub const CHALLENGE: &str = "vYNHd8OhS1_DyRzkrZ-joLO-9sp78UJ_Hs8arlPwz2M";

/// An application as it is registered: with these metadata, and the usual name and redirect URI unless they say
/// otherwise.
pub fn registered(id: &str, secret: Option<&str>, metadata: Value) -> Client {
    let Value::Object(said) = metadata else { panic!("no members: {metadata}") };
    let mut members = json!({ "client_name": "Example App", "redirect_uris": [REDIRECT] });
    members.as_object_mut().unwrap().extend(said);
    Client {
        id: id.into(),
        secrets: secret.map(secrets).unwrap_or_default(),
        disabled: false,
        // Before everything that a test does, whatever its clock says.
        registered_at: OffsetDateTime::UNIX_EPOCH,
        metadata: serde_json::from_value(members).unwrap(),
    }
}

/// A client's only secret.
pub fn secrets(secret: &str) -> Secrets {
    Secrets::one(ClientSecret::of(TokenHash::of(secret), OffsetDateTime::UNIX_EPOCH))
}

/// The parameters of an authorization request that would succeed.
pub fn request<'a>(client_id: &'a str, redirect_uri: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("client_id", client_id),
        ("redirect_uri", redirect_uri),
        ("response_type", "code"),
        ("scope", "openid"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
}

/// The usual parameters, changed: a `None` takes one out.
pub fn changed<'a>(
    usual: impl IntoIterator<Item = (&'a str, &'a str)>,
    changes: &[(&'a str, impl Into<Option<&'a str>> + Copy)],
) -> Vec<(&'a str, &'a str)> {
    let kept = usual.into_iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    kept.chain(changes.iter().filter_map(|(name, value)| Some((*name, (*value).into()?)))).collect()
}

/// One client's view of a provider.
pub struct Rp<'a> {
    pub app: &'a TestApp,
    pub client_id: String,
    pub secret: String,
    pub is_public: bool,
}

impl<'a> Rp<'a> {
    /// Registers a client and speaks for it.
    pub async fn new(app: &'a TestApp, metadata: Value) -> Rp<'a> {
        let is_public = metadata["token_endpoint_auth_method"] == "none";
        let (client_id, secret) = app.client(metadata).await;
        Rp { app, client_id, secret, is_public }
    }

    /// An authorization request that would succeed, changed: a `None` takes a parameter out.
    pub fn authorize(&self, changed: &[(&str, Option<&str>)]) -> String {
        let usual = request(&self.client_id, REDIRECT);
        let usual = usual.into_iter().chain([("state", "a-state"), ("nonce", "a-nonce")]);
        let query = self::changed(usual, changed);
        Url::parse_with_params(&self.app.at("/authorize"), query).unwrap().into()
    }

    /// Signs a person in through the pages, up to the answer that leads back to the client.
    pub async fn sign_in(&self, browser: &Browser, login: &str, changed: &[(&str, Option<&str>)]) -> Answer {
        let page = browser.open(&self.authorize(changed)).await;
        assert!(page.url.path().ends_with("/login"), "{} {}: {}", page.status, page.url, page.body);
        let next = browser.submit(&page, &[("username", login), ("password", PASSWORD)]).await;
        if next.url.path().ends_with("/consent") {
            return browser.submit(&next, &[("decision", "allow")]).await;
        }
        next
    }

    /// Signs in and answers the code.
    pub async fn code(&self, browser: &Browser, login: &str, changed: &[(&str, Option<&str>)]) -> String {
        let code = self.sign_in(browser, login, changed).await.answered("code").expect("a code");
        self.app.keep_secret(&code);
        code
    }

    /// The token request for a code, as `client_secret_basic`, changed as above.
    pub async fn redeem(&self, browser: &Browser, code: &str, changed: &[(&str, Option<&str>)]) -> Answer {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let fields = self::changed(usual, changed);
        browser.send(self.at(browser, &self.app.at("/token"), &fields)).await
    }

    /// The token request for a refresh token, changed as above.
    pub async fn refresh(&self, browser: &Browser, token: &str, changed: &[(&str, Option<&str>)]) -> Answer {
        let usual = [("grant_type", "refresh_token"), ("refresh_token", token)];
        let fields = self::changed(usual, changed);
        browser.send(self.at(browser, &self.app.at("/token"), &fields)).await
    }

    /// A request to an endpoint that clients call, with the client's credentials; a public one names itself.
    pub fn at(&self, browser: &Browser, url: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let request = browser.request(Method::POST, url);
        if self.is_public {
            return request.form(&[fields, &[("client_id", &self.client_id)]].concat());
        }
        request.basic_auth(&self.client_id, Some(&self.secret)).form(fields)
    }

    /// The tokens of a whole flow.
    pub async fn tokens(&self, browser: &Browser, login: &str, changed: &[(&str, Option<&str>)]) -> Value {
        let code = self.code(browser, login, changed).await;
        let answer = self.redeem(browser, &code, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let tokens = answer.json();
        if let Some(token) = tokens["refresh_token"].as_str() {
            self.app.keep_secret(token);
        }
        for name in ["access_token", "id_token"] {
            if let Some(token) = tokens[name].as_str() {
                self.app.keep_secret(token.rsplit('.').next().unwrap());
            }
        }
        tokens
    }
}

/// The claims of a JWT, unverified.
pub fn claims(token: &Value) -> Value {
    part(token, 1)
}

/// The header of a JWT.
pub fn header(token: &Value) -> Value {
    part(token, 0)
}

fn part(token: &Value, position: usize) -> Value {
    let text = token.as_str().expect("a token").split('.').nth(position).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()).unwrap()
}
