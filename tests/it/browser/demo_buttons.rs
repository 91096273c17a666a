//! The demo's buttons: each shows what the API answered, and a refusal with its cause in words.
//!
//! Holds `demo/api.rs`, `demo/site/attacks.rs`, `demo/site/call.rs`.

use super::stage::{Demo, fill_in};
use crate::support::chromium::Chromium;

/// Presses a button and gives what the page says of the answer.
async fn press(chromium: &Chromium, what: &str) -> (String, String) {
    let old = chromium.ask("document.documentElement.dataset.seen = 'yes'").await;
    assert_eq!(old, "yes");
    chromium.click(&format!("button[value={what}]")).await;
    chromium.until("!document.documentElement.dataset.seen".into()).await;
    chromium.shows("#answer .lesson:not(.bad)").await;
    let cause = chromium.ask("(document.querySelector('.cause strong') || {}).innerText || ''").await;
    (chromium.text("#answer .verdict").await, cause.as_str().unwrap().to_owned())
}

#[actix_web::test]
async fn every_button_shows_its_answer_and_the_cause() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    demo.sign_in(&chromium, &demo.running.bank).await;
    let api = demo.running.api.as_str();
    let userinfo = format!("the token is for audience {}, this service is {api}", demo.provider(""));
    let stranger = format!("issued by https://issuer.example, this service trusts {}", demo.provider(""));
    let expected = [
        ("balances", "200 OK", ""),
        ("anonymous", "401 Unauthorized", "this needs an access token"),
        ("transfer", "403 Forbidden", "the token lacks the scope balances.transfer"),
        ("customers", "403 Forbidden", "this needs the role advisor"),
        ("flip", "401 Unauthorized", "the signature does not match"),
        ("role", "401 Unauthorized", "the signature does not match"),
        ("none", "401 Unauthorized", "alg none is never accepted: the token is not signed"),
        (
            "hmac",
            "401 Unauthorized",
            "HS256 is symmetric; a service that can verify such a token could also forge it",
        ),
        ("audience", "401 Unauthorized", userinfo.as_str()),
        ("id-token", "401 Unauthorized", "the token's typ is JWT"),
        ("issuer", "401 Unauthorized", stranger.as_str()),
        ("expired", "401 Unauthorized", "the token expired 300"),
    ];
    let buttons = chromium.ask("[...document.querySelectorAll('.calls button')].map(b => b.value)").await;
    assert_eq!(buttons, serde_json::json!(expected.map(|(button, ..)| button)));
    for (button, verdict, cause) in expected {
        let (said, why) = press(&chromium, button).await;
        assert_eq!(said, verdict, "{button}: {why}");
        let why = why.replace(['\'', '"'], "'");
        assert!(if cause.is_empty() { why.is_empty() } else { why.contains(cause) }, "{button}: {why}");
    }
    chromium.finish().await;
    demo.stop().await;
}

#[actix_web::test]
async fn an_advisor_signs_in_instead_and_sees_the_customers() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    let bank = demo.running.bank.clone();
    demo.sign_in(&chromium, &bank).await;
    press(&chromium, "customers").await;
    chromium.click("#sign-in-other").await;
    chromium.at(&demo.provider("/login")).await;
    let grace = &demo.running.people[1];
    fill_in(&chromium, &grace.login, &grace.password).await;
    chromium.at(&format!("{bank}/")).await;
    assert_eq!(chromium.text("h1").await, "Hello, Grace Hopper.");
    let (said, _) = press(&chromium, "customers").await;
    assert_eq!(said, "200 OK");
    assert!(chromium.text("#answer").await.contains("Charles Babbage"));
    chromium.finish().await;
    demo.stop().await;
}
