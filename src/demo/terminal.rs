//! The terminal as a device without a browser: it shows a code, and polls until a person has decided in a browser.

use std::time::Duration;

use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::sleep;

use super::error::{DemoError, other};

/// The client of the terminal.
pub(super) const CLIENT_ID: &str = "demo-terminal";

/// The terminal at the provider.
#[derive(Clone)]
pub struct Terminal {
    issuer: String,
    http: reqwest::Client,
}

/// The answer of the device authorization endpoint.
///
/// Spec: RFC 8628 §3.2
#[derive(Clone, Debug, Deserialize)]
pub struct Codes {
    device_code: String,
    /// The code to show.
    pub user_code: String,
    /// The page on which it is entered.
    pub verification_uri: String,
    /// The same with the code filled in.
    pub verification_uri_complete: String,
    interval: u64,
}

impl Codes {
    /// The address with the code filled in, as a QR code of characters for a dark terminal: two rows in each line.
    pub fn picture(&self) -> String {
        let Ok(code) = QrCode::encode_text(&self.verification_uri_complete, QrCodeEcc::Low) else {
            return String::new();
        };
        // The margin belongs to the code: without it no camera finds it.
        let across = -4..code.size() + 4;
        let line = |y: i32| -> String {
            let module = |x: i32| match (code.get_module(x, y), code.get_module(x, y + 1)) {
                (true, true) => ' ',
                (true, false) => '▄',
                (false, true) => '▀',
                (false, false) => '█',
            };
            across.clone().map(module).collect()
        };
        across.clone().step_by(2).map(line).collect::<Vec<_>>().join("\n")
    }
}

/// The end of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedIn {
    /// This person signed the terminal in.
    As(String),
    /// It was not signed in; the error code says why.
    Not(String),
}

impl Terminal {
    pub(super) fn new(issuer: &str, http: reqwest::Client) -> Terminal {
        Terminal { issuer: issuer.into(), http }
    }

    /// Asks for codes.
    pub async fn ask(&self) -> Result<Codes, DemoError> {
        let form = [("client_id", CLIENT_ID), ("scope", "openid profile")];
        let answer = self.post("/device_authorization", &form).await?;
        serde_json::from_value(answer).map_err(other)
    }

    /// Polls until a person has decided or the codes have expired.
    ///
    /// Spec: RFC 8628 §3.4, §3.5
    pub async fn wait(&self, codes: &Codes) -> Result<SignedIn, DemoError> {
        let grant_type = "urn:ietf:params:oauth:grant-type:device_code";
        let form =
            [("grant_type", grant_type), ("client_id", CLIENT_ID), ("device_code", &codes.device_code)];
        let mut interval = Duration::from_secs(codes.interval);
        loop {
            sleep(interval).await;
            let answer = self.post("/token", &form).await?;
            if let Some(token) = text(&answer, "access_token") {
                let userinfo = self.http.get(format!("{}/userinfo", self.issuer)).bearer_auth(token);
                let person: Value = userinfo.send().await.map_err(other)?.json().await.map_err(other)?;
                return Ok(SignedIn::As(text(&person, "name").unwrap_or_default().to_owned()));
            }
            match text(&answer, "error").unwrap_or_default() {
                "authorization_pending" => (),
                "slow_down" => interval += Duration::from_secs(5),
                error => return Ok(SignedIn::Not(error.to_owned())),
            }
        }
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Value, DemoError> {
        let request = self.http.post(format!("{}{path}", self.issuer)).form(form);
        request.send().await.map_err(other)?.json().await.map_err(other)
    }
}

fn text<'a>(answer: &'a Value, name: &str) -> Option<&'a str> {
    answer.get(name)?.as_str()
}
