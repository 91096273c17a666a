//! The Back button: whatever it leads to is a page that goes on, never an error, never a question whether to
//! send a form again.

use serde_json::json;

use super::stage::{Album, Demo, fill_in};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::chromium::Chromium;
use crate::support::rp::Rp;

/// Goes back until there is nothing before, and checks every page that comes: some only lead on, those that
/// stay must be among the good ones.
async fn back_to_the_beginning(chromium: &Chromium, good: &[&str]) {
    let begins = |begin: &&str| format!("location.href.startsWith({})", json!(begin));
    let stays = good.iter().map(begins).collect::<Vec<_>>().join(" || ");
    for _ in 0..8 {
        chromium.back().await;
        let before = "location.protocol === 'chrome:' || location.href === 'about:blank'";
        chromium.until(format!("{before} || (({stays}) && !document.querySelector('.passing'))")).await;
        if chromium.ask(before).await == true {
            return;
        }
        // Of the provider's pages, of the sign-in page, and of the demo's sites.
        let problem = "!!document.querySelector('.eyebrow, #problem, .hero:not(:has(#sign-in))')";
        assert_eq!(chromium.ask(problem).await, false, "an error page at {}", chromium.url().await);
    }
}

#[actix_web::test]
async fn back_after_signing_in_is_never_a_dead_end() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    let bank = demo.running.bank.clone();
    demo.sign_in(&chromium, &bank).await;
    back_to_the_beginning(&chromium, &[&format!("{bank}/")]).await;
    chromium.finish().await;
    demo.stop().await;
}

#[actix_web::test]
async fn back_after_a_wrong_password_asks_for_no_resubmission() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    let bank = demo.running.bank.clone();
    demo.to_form(&chromium, &bank).await;
    fill_in(&chromium, "ada", "not the password").await;
    chromium.shows("#problem").await;
    fill_in(&chromium, "ada", "nor this one").await;
    chromium.shows("#problem").await;
    chromium.back().await;
    chromium.at(&demo.provider("/login")).await;
    fill_in(&chromium, "ada", &demo.ada().password).await;
    demo.arrived(&chromium, &bank).await;
    back_to_the_beginning(&chromium, &[&format!("{bank}/")]).await;
    chromium.finish().await;
    demo.stop().await;
}

#[actix_web::test]
async fn back_after_consent_ends_at_the_application_again() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let album = Album::open();
    let (start, callback) = (album.at("/start"), album.at("/callback"));
    let rp = Rp::new(&app, json!({ "client_name": "Album", "redirect_uris": [callback] })).await;
    for decision in ["deny", "allow"] {
        let chromium = Chromium::start().await;
        chromium.open(&start).await;
        chromium.open(&rp.authorize(&[("redirect_uri", Some(&callback))])).await;
        fill_in(&chromium, "ada", PASSWORD).await;
        chromium.click(&format!("button[value={decision}]")).await;
        chromium.at(&callback).await;
        // Who denied and goes back may decide anew.
        back_to_the_beginning(&chromium, &[&callback, &start, &app.at("/consent")]).await;
        chromium.finish().await;
    }
    app.finish().await;
}
