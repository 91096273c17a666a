//! A device by hand: it asks for codes, shows one, and polls.

use reqwest::Method;
use serde_json::{Value, json};

use super::app::{PASSWORD, TestApp};
use super::browser::{Answer, Browser};
use super::rp::changed;

/// The grant type of devices.
pub const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// An application on a device; a public client.
pub struct Tv<'a> {
    pub app: &'a TestApp,
    pub client_id: String,
    http: Browser,
}

impl<'a> Tv<'a> {
    /// Registers one, with these metadata beside the usual ones.
    pub async fn new(app: &'a TestApp, metadata: Value) -> Tv<'a> {
        let usual = json!({ "grant_types": [DEVICE], "token_endpoint_auth_method": "none",
            "client_name": "Living Room", "client_uri": "https://tv.example/", "redirect_uris": [] });
        let Value::Object(mut members) = usual else { unreachable!() };
        members.extend(metadata.as_object().unwrap().clone());
        let (client_id, _) = app.client(members.into()).await;
        Tv { app, client_id, http: app.browser() }
    }

    /// Asks for codes, with parameters changed: a `None` takes one out.
    pub async fn ask(&self, changes: &[(&str, Option<&str>)]) -> Answer {
        let usual = [("client_id", self.client_id.as_str()), ("scope", "openid email")];
        let request = self.http.request(Method::POST, &self.app.at("/device_authorization"));
        self.http.send(request.form(&changed(usual, changes))).await
    }

    /// The codes of a request that succeeds.
    pub async fn codes(&self) -> Codes {
        let codes = Codes::of(&self.ask(&[]).await);
        self.app.keep_secret(&codes.device);
        codes
    }

    /// Polls, with parameters changed.
    pub async fn poll(&self, device_code: &str, changes: &[(&str, Option<&str>)]) -> Answer {
        let usual =
            [("grant_type", DEVICE), ("client_id", self.client_id.as_str()), ("device_code", device_code)];
        let request = self.http.request(Method::POST, &self.app.at("/token"));
        self.http.send(request.form(&changed(usual, changes))).await
    }
}

/// What a device was given.
pub struct Codes {
    pub device: String,
    pub user: String,
    pub link: String,
}

impl Codes {
    /// The codes in an answer, which must be one of success.
    pub fn of(answer: &Answer) -> Codes {
        assert_eq!(answer.status, 200, "{}", answer.body);
        let codes = answer.json();
        let text = |name: &str| codes[name].as_str().unwrap().to_owned();
        Codes {
            device: text("device_code"),
            user: text("user_code"),
            link: text("verification_uri_complete"),
        }
    }
}

/// Opens an address of the pages for devices, signing in if that is asked.
pub async fn open(browser: &Browser, url: &str, login: &str) -> Answer {
    let page = browser.open(url).await;
    if page.url.path().ends_with("/login") {
        return browser.submit(&page, &[("username", login), ("password", PASSWORD)]).await;
    }
    page
}

/// Opens the link of a device up to the question.
pub async fn asked(browser: &Browser, codes: &Codes, login: &str) -> Answer {
    let page = open(browser, &codes.link, login).await;
    let question = browser.submit(&page, &[]).await;
    assert_eq!(question.text("p.code"), codes.user, "{} {}", question.status, question.body);
    question
}

/// Signs the device in.
pub async fn approve(browser: &Browser, codes: &Codes, login: &str) -> Answer {
    let question = asked(browser, codes, login).await;
    browser.submit(&question, &[("decision", "approve")]).await
}
