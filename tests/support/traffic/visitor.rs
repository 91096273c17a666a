//! One of those who make up the traffic: what they do, and what they call unexpected.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use tokio::time::sleep;

use super::{Outcome, Seen, Tally};
use crate::support::app::{PASSWORD, REDIRECT};
use crate::support::browser::{Answer, Browser};
use crate::support::cluster::{Cluster, redemption};

/// How often somebody who is signed in comes again before a new browser is opened.
const VISITS: usize = 5;
/// What everybody does between two requests at least.
const BREATH: Duration = Duration::from_millis(5);

/// The addresses somebody needs to know.
#[derive(Clone)]
pub struct Addresses {
    authorize: String,
    token: String,
    userinfo: String,
    documents: [String; 2],
}

impl Addresses {
    pub fn of(cluster: &Cluster) -> Addresses {
        Addresses {
            authorize: cluster.authorize(&[]),
            token: cluster.at("/token"),
            userinfo: cluster.at("/userinfo"),
            documents: [
                cluster.at("/.well-known/jwks.json"),
                cluster.at("/.well-known/openid-configuration"),
            ],
        }
    }
}

/// Somebody with a browser.
pub struct Visitor {
    pub browser: Browser,
    pub login: String,
    pub addresses: Addresses,
    pub tally: Rc<RefCell<Tally>>,
    pub over: Rc<Cell<bool>>,
}

/// The flow cannot go on; why is in the tally.
struct Broken;

impl Visitor {
    /// Signs in, comes back a few times without being asked again, and begins anew in another browser.
    pub async fn come_and_go(&self) {
        let (mut visits, mut is_known) = (0, false);
        while !self.over.get() {
            if self.visit(is_known).await.is_ok() {
                (visits, is_known) = (visits + 1, true);
            } else {
                sleep(BREATH * 10).await;
            }
            if visits == VISITS {
                (visits, is_known) = (0, false);
                self.browser.forget_cookies();
            }
        }
    }

    /// One visit to an application: from its request to the claims about the person.
    async fn visit(&self, is_known: bool) -> Result<(), Broken> {
        let what = if is_known { "sso" } else { "authorize" };
        let begun = Instant::now();
        let answer =
            self.ask(what, 303, self.browser.request(Method::GET, &self.addresses.authorize)).await?;
        let mut there = answer.location().unwrap();
        if there.path().ends_with("/login") {
            if is_known {
                self.note("sso", begun, Outcome::SignedOut);
            }
            there = self.sign_in(there).await?;
        }
        let code = there.query_pairs().find(|(name, _)| name == "code");
        let Some((_, code)) = code.filter(|_| there.as_str().starts_with(REDIRECT)) else {
            self.note(what, begun, Outcome::Unexpected(format!("it leads to {there}")));
            return Err(Broken);
        };
        let token = redemption(&self.browser, &self.addresses.token, &code);
        let tokens = self.ask("token", 200, token).await?.json();
        let userinfo = self.browser.request(Method::GET, &self.addresses.userinfo);
        let userinfo = userinfo.bearer_auth(tokens["access_token"].as_str().unwrap());
        self.ask("userinfo", 200, userinfo).await?;
        Ok(())
    }

    /// Through the pages, to where the last one leads.
    async fn sign_in(&self, page: url::Url) -> Result<url::Url, Broken> {
        let page = self.ask("login page", 200, self.browser.request(Method::GET, page.as_str())).await?;
        let typed = [("username", self.login.as_str()), ("password", PASSWORD)];
        let mut answer = self.ask("login", 303, self.form(&page, &typed)).await?;
        loop {
            let next = answer.location().unwrap();
            if next.path().ends_with("/login") {
                self.note("login", Instant::now(), Outcome::SignedOut);
                return Err(Broken);
            }
            if next.path().ends_with("/consent") {
                let page =
                    self.ask("consent page", 200, self.browser.request(Method::GET, next.as_str())).await?;
                answer = self.ask("consent", 303, self.form(&page, &[("decision", "allow")])).await?;
                continue;
            }
            // A page that leads home, or once more a redirect.
            let begun = Instant::now();
            let back = self.send("continue", self.browser.request(Method::GET, next.as_str())).await?;
            match back.status.as_u16() {
                200 => {
                    self.note("continue", begun, Outcome::Good);
                    return Ok(back.destination());
                }
                303 => {
                    self.note("continue", begun, Outcome::Good);
                    answer = back;
                }
                _ => return Err(self.trouble("continue", begun, &back)),
            }
        }
    }

    fn form(&self, page: &Answer, filled: &[(&str, &str)]) -> RequestBuilder {
        let form = page.form();
        let fields = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let kept = fields.filter(|(name, _)| !filled.iter().any(|(other, _)| other == name));
        let fields: Vec<(&str, &str)> = kept.chain(filled.iter().copied()).collect();
        let to = page.url.join(&form.action).unwrap();
        self.browser.request(Method::POST, to.as_str()).form(&fields).header("sec-fetch-site", "same-origin")
    }

    /// Reads what is public, as services do.
    pub async fn read_documents(&self) {
        while !self.over.get() {
            for (what, url) in ["jwks", "discovery"].into_iter().zip(&self.addresses.documents) {
                let _noted = self.ask(what, 200, self.browser.request(Method::GET, url)).await;
            }
            sleep(BREATH * 4).await;
        }
    }

    /// Sends a request that should be answered with this status.
    async fn ask(&self, what: &'static str, status: u16, request: RequestBuilder) -> Result<Answer, Broken> {
        let begun = Instant::now();
        let answer = self.send(what, request).await?;
        if answer.status == status {
            self.note(what, begun, Outcome::Good);
            return Ok(answer);
        }
        Err(self.trouble(what, begun, &answer))
    }

    async fn send(&self, what: &'static str, request: RequestBuilder) -> Result<Answer, Broken> {
        sleep(BREATH).await;
        let begun = Instant::now();
        match self.browser.try_send(request).await {
            Ok(answer) => Ok(answer),
            Err(error) => {
                self.note(what, begun, Outcome::Unexpected(format!("{error:?}")));
                Err(Broken)
            }
        }
    }

    /// Notes an answer that is none of those hoped for.
    fn trouble(&self, what: &'static str, begun: Instant, answer: &Answer) -> Broken {
        let is_told = if matches!(what, "token" | "userinfo") {
            answer.body.contains("\"temporarily_unavailable\"")
        } else {
            answer.header("content-type").starts_with("text/html") && answer.body.contains("in a moment")
        };
        let unavailable = answer.status == 503 && is_told && answer.headers.contains_key("retry-after");
        self.note(
            what,
            begun,
            if unavailable && !answer.headers.contains_key("set-cookie") {
                Outcome::Unavailable
            } else {
                Outcome::Unexpected(format!("{} {:?} {}", answer.status, answer.headers, answer.body))
            },
        );
        Broken
    }

    fn note(&self, what: &'static str, begun: Instant, outcome: Outcome) {
        self.tally.borrow_mut().0.push(Seen { what, begun, ended: Instant::now(), outcome });
    }
}
