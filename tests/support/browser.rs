//! A browser without script: it keeps cookies, fills in forms, and follows what it is told to follow.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use scraper::{Html, Selector};
use url::Url;

#[derive(Clone)]
pub struct Browser {
    http: reqwest::Client,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

/// A form on a page.
#[derive(Debug)]
pub struct Form {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

impl Browser {
    pub fn new(requests: Arc<Mutex<Vec<String>>>) -> Browser {
        Browser::made(reqwest::Client::builder(), requests)
    }

    /// A browser with this address.
    pub fn at(address: IpAddr) -> Browser {
        Browser::made(reqwest::Client::builder().local_address(address), Arc::default())
    }

    fn made(http: reqwest::ClientBuilder, requests: Arc<Mutex<Vec<String>>>) -> Browser {
        let http = http
            .redirect(reqwest::redirect::Policy::none())
            // Some servers of the tests close idle connections after five seconds: none is used near that moment.
            .pool_idle_timeout(std::time::Duration::from_secs(2))
            .no_proxy()
            .danger_accept_invalid_certs(true)
            .build()
            .unwrap();
        Browser { http, cookies: Arc::default(), requests }
    }

    /// A copy with its own cookies: another profile that knows what this one knows.
    pub fn fork(&self) -> Browser {
        Browser { cookies: Arc::new(Mutex::new(self.cookies.lock().unwrap().clone())), ..self.clone() }
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    /// All cookies, as a request brings them.
    pub fn cookie_header(&self) -> String {
        let cookies = self.cookies.lock().unwrap();
        cookies.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("; ")
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.into(), value.into());
    }

    pub fn forget_cookies(&self) {
        self.cookies.lock().unwrap().clear();
    }

    pub async fn get(&self, url: &str) -> Answer {
        self.send(self.http.get(url)).await
    }

    /// Posts a form as one of our own pages would: same origin.
    pub async fn post(&self, url: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = Url::parse(url).unwrap().origin().ascii_serialization();
        let request =
            self.http.post(url).form(fields).header("origin", origin).header("sec-fetch-site", "same-origin");
        self.send(request).await
    }

    /// A request of any kind, without cookies or origin unless given.
    pub fn request(&self, method: Method, url: &str) -> reqwest::RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends with our cookies, and keeps those that come back.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = self.try_send(request).await.unwrap();
        if let Some(id) = answer.headers.get("x-request-id") {
            self.requests.lock().unwrap().push(id.to_str().unwrap().into());
        }
        answer.assert_secured();
        answer
    }

    /// The same where it is known that something is about to fail: nothing is expected of the answer.
    pub async fn try_send(&self, request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
        let cookies = self.cookie_header();
        let request = if cookies.is_empty() { request } else { request.header("cookie", cookies) };
        let response = request.send().await?;
        for cookie in response.headers().get_all("set-cookie") {
            self.keep(cookie);
        }
        let (url, status, headers) = (response.url().clone(), response.status(), response.headers().clone());
        Ok(Answer { url, status, headers, body: response.text().await? })
    }

    fn keep(&self, cookie: &HeaderValue) {
        let text = cookie.to_str().unwrap();
        assert!(
            text.contains("HttpOnly") && text.contains("SameSite=Lax") && text.contains("Path=/"),
            "{text}"
        );
        let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
        let mut cookies = self.cookies.lock().unwrap();
        if value.is_empty() || text.contains("Max-Age=0") {
            cookies.remove(name);
        } else {
            cookies.insert(name.into(), value.into());
        }
    }

    /// Follows redirects within the provider; stops at a page, or where the way leads elsewhere.
    pub async fn follow(&self, mut answer: Answer) -> Answer {
        for _ in 0..10 {
            let Some(next) = answer.location() else { return answer };
            if next.origin() != answer.url.origin() {
                return answer;
            }
            answer = self.get(next.as_str()).await;
        }
        panic!("too many redirects, last {}", answer.url);
    }

    /// Opens an address and follows.
    pub async fn open(&self, url: &str) -> Answer {
        self.follow(self.get(url).await).await
    }

    /// Sends a form of a page with some fields filled in, and follows.
    pub async fn submit(&self, page: &Answer, filled: &[(&str, &str)]) -> Answer {
        let form = page.form();
        let mut fields: Vec<(&str, &str)> =
            form.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        fields.retain(|(name, _)| !filled.iter().any(|(other, _)| other == name));
        fields.extend_from_slice(filled);
        let action = page.url.join(&form.action).unwrap();
        self.follow(self.post(action.as_str(), &fields).await).await
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Where a redirect, or the page that takes the browser on, leads.
    pub fn location(&self) -> Option<Url> {
        let to = self.headers.get("location").map(|to| to.to_str().unwrap().to_owned())?;
        Some(self.url.join(&to).unwrap())
    }

    /// The form that takes an answer to the client, if this page is one.
    pub fn form_post(&self) -> Option<Form> {
        let document = Html::parse_document(&self.body);
        document.select(&Selector::parse("form[method=post][action^=http] ~ script").unwrap()).next()?;
        Some(self.form())
    }

    /// Where the interaction ended: a redirect, the interstitial's address, or what a form would post there.
    pub fn destination(&self) -> Url {
        if let Some(url) = self.location() {
            return url;
        }
        if let Some(form) = self.form_post() {
            return Url::parse_with_params(&form.action, form.fields).unwrap();
        }
        let document = Html::parse_document(&self.body);
        let meta = document.select(&Selector::parse("meta[http-equiv=refresh]").unwrap()).next();
        let meta =
            meta.unwrap_or_else(|| panic!("no way on from {} {}: {}", self.status, self.url, self.body));
        let content = meta.value().attr("content").unwrap();
        Url::parse(content.split_once("url=").unwrap().1).unwrap()
    }

    /// A query parameter of the destination.
    pub fn answered(&self, name: &str) -> Option<String> {
        self.destination().query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {} {}", self.status, self.body))
    }

    /// The first form of the page that posts.
    pub fn form(&self) -> Form {
        let document = Html::parse_document(&self.body);
        let form = document.select(&Selector::parse("form[method=post]").unwrap()).next();
        let form = form.unwrap_or_else(|| panic!("no form at {} {}: {}", self.status, self.url, self.body));
        let inputs = Selector::parse("input[name]").unwrap();
        let fields = form.select(&inputs).filter(|i| i.value().attr("type") != Some("checkbox"));
        let field = |input: scraper::ElementRef<'_>| {
            let attr = |name| input.value().attr(name).unwrap_or_default().to_owned();
            (attr("name"), attr("value"))
        };
        Form { action: form.value().attr("action").unwrap().into(), fields: fields.map(field).collect() }
    }

    /// The text of the first element a selector finds.
    pub fn text(&self, selector: &str) -> String {
        let document = Html::parse_document(&self.body);
        let found = document.select(&Selector::parse(selector).unwrap()).next();
        found
            .map(|element| {
                element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
            })
            .unwrap_or_default()
    }

    /// What every response of ours must carry.
    fn assert_secured(&self) {
        let missing = |name: &str| panic!("{name} is missing at {} {}", self.status, self.url);
        for name in [
            "x-content-type-options", "x-frame-options", "referrer-policy", "content-security-policy",
            "cache-control", "date", "x-request-id",
        ] {
            if !self.headers.contains_key(name) {
                missing(name);
            }
        }
        assert!(self.header("content-security-policy").contains("frame-ancestors 'none'"), "{}", self.url);
        let is_public = self.url.path().contains("/.well-known/") || self.url.path().contains("/assets/");
        if !is_public || !self.status.is_success() {
            assert!(is_public || self.header("cache-control") == "no-store", "{} may be cached", self.url);
        }
    }
}
