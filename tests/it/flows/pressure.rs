//! Passwords cost time on purpose: what happens when more are sent than can be compared.
//!
//! Holds `password.rs`, `web/answer.rs`.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use countersign::password::{PasswordVerifier, VerifyFailure};
use futures_util::FutureExt;
use reqwest::{Method, StatusCode};
use serde_json::json;
use time::Duration as Span;

use crate::support::app::{Options, PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::Rp;

pub fn behind_a_proxy() -> Options {
    Options {
        adjust: |config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()],
        ..Options::default()
    }
}

/// A form that can be sent again and again, by one browser that seems to come from everywhere.
pub struct Form {
    browser: Browser,
    action: String,
    ticket: String,
}

/// How many were sent in all.
static SENT: AtomicUsize = AtomicUsize::new(0);

impl Form {
    pub async fn open(browser: Browser, authorize: &str) -> Form {
        let page = browser.open(authorize).await;
        let form = page.form();
        let ticket = form.fields.iter().find(|(name, _)| name == "ticket").unwrap().1.clone();
        Form { action: page.url.join(&form.action).unwrap().into(), browser, ticket }
    }

    /// Sends it from another network each time.
    pub async fn send(&self, login: &str, password: &str) -> Answer {
        let number = SENT.fetch_add(1, Ordering::Relaxed);
        let from = format!("{}.{}.{}.7", 11 + number / 65536, number / 256 % 256, number % 256);
        let fields = [("ticket", self.ticket.as_str()), ("username", login), ("password", password)];
        let request = self.browser.request(Method::POST, &self.action).form(&fields);
        let request = request.header("sec-fetch-site", "same-origin").header("x-forwarded-for", from);
        self.browser.send(request).await
    }
}

#[actix_web::test]
async fn a_full_queue_says_so_and_keeps_the_form_and_half_of_it_is_for_known_browsers() {
    let app = TestApp::start_with(behind_a_proxy()).await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let home = app.browser();
    rp.code(&home, "ada", &[]).await;
    let home = Form::open(home, &rp.authorize(&[("prompt", Some("login"))])).await;
    let crowd = Form::open(app.browser(), &rp.authorize(&[])).await;

    let over = AtomicBool::new(false);
    // A few more than half of the queue is for.
    let stranger = async |number: usize| {
        let mut turned_away: Option<Answer> = None;
        while !over.load(Ordering::Relaxed) {
            let answer = crowd.send(&format!("stranger-{number}"), "an-unlikely-guess").await;
            match answer.status.as_u16() {
                303 => (),
                503 => {
                    turned_away = Some(answer);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                other => panic!("{other}: {}", answer.body),
            }
        }
        turned_away
    };
    let strangers = async {
        let turned_away = futures_util::future::join_all((0..60).map(stranger)).await;
        turned_away.into_iter().flatten().next().expect("the queue was never full")
    };
    let known = async {
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let answer = home.send("ada", PASSWORD).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        }
        over.store(true, Ordering::Relaxed);
    };
    let (turned_away, ()) = tokio::join!(strangers, known);
    assert_eq!(turned_away.header("retry-after"), "5");
    let form = turned_away.form();
    let field = |name: &str| form.fields.iter().find(|(known, _)| known == name).unwrap().1.as_str();
    assert!(field("username").starts_with("stranger-"), "{form:?}");
    assert_eq!((field("password"), field("ticket")), ("", crowd.ticket.as_str()));
    assert!(turned_away.body.contains("Many people are signing in right now"), "{}", turned_away.body);
    app.finish().await;
}

/// The same counted in places, however fast this machine is.
#[actix_web::test]
async fn strangers_have_half_of_the_places_in_the_queue() {
    let verifier = PasswordVerifier::default();
    let guess = |known_device| {
        let password = countersign::password::Password::presented("an-unlikely-guess");
        Box::pin(verifier.verify(password, None, known_device))
    };
    let mut waiting = vec![];
    let mut fill = |known_device| {
        while !verifier.is_full(known_device) {
            let mut one = guess(known_device);
            assert!((&mut one).now_or_never().is_none(), "{} wait", waiting.len());
            waiting.push(one);
        }
        waiting.len()
    };
    let strangers = fill(false);
    assert!(strangers >= 50 && strangers.is_multiple_of(50), "{strangers}");
    assert!(matches!(guess(false).await, Err(VerifyFailure::Busy)));
    assert_eq!(fill(true), 2 * strangers);
    assert!(matches!(guess(true).await, Err(VerifyFailure::Busy)));
}

/// Whoever was not even listened to has not failed: five such attempts would otherwise lock somebody out.
#[actix_web::test]
async fn to_be_turned_away_is_no_failure() {
    let app = TestApp::start_with(behind_a_proxy()).await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let form = Form::open(app.browser(), &rp.authorize(&[])).await;
    let from_home = async |password: &str| {
        let fields = [("ticket", form.ticket.as_str()), ("username", "ada"), ("password", password)];
        let request = form.browser.request(Method::POST, &form.action).form(&fields);
        form.browser.send(request.header("sec-fetch-site", "same-origin")).await.status.as_u16()
    };
    for _ in 0..4 {
        assert_eq!(from_home("not-the-password").await, 303);
    }
    // As many as have a place, each of which asks again at once: the queue stays full, even for known devices,
    // until this crowd is dropped.
    let verifier = &app.app.passwords;
    let guess = async |_| loop {
        let password = countersign::password::Password::presented("an-unlikely-guess");
        drop(verifier.verify(password, None, true).await);
        tokio::task::yield_now().await;
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from) / 2;
    let crowd = futures_util::future::join_all((0..100 * threads.max(1)).map(guess));
    let turned_away = async {
        while !verifier.is_full(true) {
            tokio::task::yield_now().await;
        }
        for _ in 0..8 {
            assert_eq!(from_home(PASSWORD).await, 503);
        }
    };
    tokio::select! {
        () = turned_away => (),
        never = crowd => drop::<Vec<()>>(never),
    }
    assert_eq!(from_home("not-the-password").await, 303, "the fifth failure");
    assert_eq!(from_home(PASSWORD).await, 429);
    // Nor is an attempt that the limit itself turned away: when the minute is over, so is the limit.
    for _ in 0..110 {
        assert_eq!(from_home(PASSWORD).await, 429);
    }
    app.clock.advance(Span::seconds(61));
    assert_eq!(from_home(PASSWORD).await, 303, "the network was not counted for what nobody looked at");
    app.finish().await;
}
