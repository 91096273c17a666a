//! What the browser noted: its console, and which cookies went where.

use fantoccini::cookies::Cookie;
use fantoccini::wd::WebDriverCompatibleCommand;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::Chromium;

/// A command of this driver that no standard has.
#[derive(Debug)]
struct Own {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, url::ParseError> {
        base_url.join(&format!("session/{}/{}", session_id.unwrap(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// What left the browser.
#[derive(Debug, Default)]
pub struct Traffic {
    /// The address of every page that was asked for, redirects included.
    pub pages: Vec<String>,
    /// Host and `Cookie` header of every request, as they went over the wire.
    pub cookies: Vec<(String, String)>,
}

impl Chromium {
    /// Everything on the console since it was last looked at, but for the status of a page: pages may be
    /// refusals.
    pub async fn console(&self) -> Vec<String> {
        let log = self.own("se/log", json!({ "type": "browser" })).await;
        let messages = log.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap());
        messages
            .filter(|message| !message.contains("the server responded with a status of"))
            .map(str::to_owned)
            .collect()
    }

    /// Checks that no page broke its own policy, or gave the browser any other reason to complain.
    pub async fn assert_silent(&self) {
        let said = self.console().await;
        assert!(said.is_empty(), "the console says: {said:#?}");
    }

    /// Everything it sent since it was last asked.
    pub async fn traffic(&self) -> Traffic {
        let log = self.own("se/log", json!({ "type": "performance" })).await;
        let mut traffic = Traffic::default();
        for entry in log.as_array().unwrap() {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let (event, params) = (&event["message"]["method"], &event["message"]["params"]);
            if event == "Network.requestWillBeSent" && params["type"] == "Document" {
                traffic.pages.push(params["request"]["url"].as_str().unwrap().into());
            } else if event == "Network.requestWillBeSentExtraInfo" {
                let headers = params["headers"].as_object().unwrap();
                let header = |name: &str| {
                    let found = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
                    found.and_then(|(_, value)| value.as_str()).unwrap_or_default().to_owned()
                };
                traffic.cookies.push((header("host"), header("cookie")));
            }
        }
        traffic
    }

    /// The cookies that the page shown would be sent.
    pub async fn cookies(&self) -> Vec<Cookie<'static>> {
        self.client.get_all_cookies().await.unwrap()
    }

    /// A command of the browser's own protocol.
    pub(super) async fn cdp(&self, cmd: &str, params: Value) {
        self.own("goog/cdp/execute", json!({ "cmd": cmd, "params": params })).await;
    }

    async fn own(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Own { path, body }).await.unwrap()
    }
}
