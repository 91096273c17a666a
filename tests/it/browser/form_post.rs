//! An answer that the browser posts: it arrives whole, by itself, and leaves no page behind.

use serde_json::json;

use super::stage::{Album, fill_in};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::chromium::{Chromium, Profile};
use crate::support::rp::{Rp, claims};

/// A state that a careless page would break on.
const STATE: &str = "\"><b>&amp;+ \u{e9}\u{1f600}";

fn answered(answer: &[(String, String)], name: &str) -> Option<String> {
    answer.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
}

async fn story(chromium: Chromium, script: bool) {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let album = Album::open();
    let callback = album.at("/callback");
    let metadata =
        json!({ "client_name": "Album", "redirect_uris": [callback], "client_uri": album.at("/") });
    let rp = Rp::new(&app, metadata).await;
    let posted = [("redirect_uri", Some(callback.as_str())), ("response_mode", Some("form_post"))];
    let request = |more: &[(&str, Option<&str>)]| rp.authorize(&[&posted[..], more].concat());
    let arrive = async || {
        if !script {
            chromium.click("noscript button").await;
        }
        chromium.at(&callback).await;
        // Neither the code nor an error is in the address.
        assert_eq!(chromium.url().await.as_str(), callback);
    };

    chromium.open(&request(&[("prompt", Some("none")), ("state", Some(STATE))])).await;
    arrive().await;
    let refused = album.was_posted("/callback");
    assert_eq!(answered(&refused, "error").as_deref(), Some("login_required"));
    assert_eq!(answered(&refused, "state").as_deref(), Some(STATE));

    chromium.open(&album.at("/")).await;
    chromium.open(&request(&[("state", Some("second"))])).await;
    fill_in(&chromium, "ada", PASSWORD).await;
    chromium.click("button[value=allow]").await;
    arrive().await;
    let allowed = album.was_posted("/callback");
    assert_eq!(answered(&allowed, "iss").as_deref(), Some(app.issuer.as_str()));
    let code = answered(&allowed, "code").unwrap();
    let tokens = rp.redeem(&app.browser(), &code, &[("redirect_uri", Some(&callback))]).await.json();
    assert_eq!(claims(&tokens["id_token"])["sub"], ada.id);
    if script {
        // Going back does not run into the page that posts: it has given its place up.
        chromium.back().await;
        chromium.at(&app.at("/consent")).await;
    }

    chromium.open(&request(&[("state", Some("third"))])).await;
    arrive().await;
    assert_eq!(answered(&album.was_posted("/callback"), "state").as_deref(), Some("third"));
    chromium.finish().await;
    app.finish().await;
}

#[actix_web::test]
async fn the_answer_is_posted_by_itself() {
    story(Chromium::start().await, true).await;
}

#[actix_web::test]
async fn without_script_one_press_posts_it() {
    story(Chromium::start_with(Profile { script: false, ..Profile::default() }).await, false).await;
}
