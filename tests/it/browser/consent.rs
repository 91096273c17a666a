//! The person decides what an application of somebody else may know, and the decision is kept.

use serde_json::json;

use super::stage::{Album, fill_in};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::chromium::Chromium;
use crate::support::rp::Rp;

fn answered(answer: &[(String, String)], name: &str) -> Option<String> {
    answer.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
}

#[actix_web::test]
async fn a_denial_is_told_and_a_permission_remembered() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let album = Album::open();
    let callback = album.at("/callback");
    let rp = Rp::new(&app, json!({ "client_name": "Album", "redirect_uris": [callback] })).await;
    let request = |state| {
        rp.authorize(&[
            ("redirect_uri", Some(&callback)),
            ("scope", Some("openid email")),
            ("state", Some(state)),
        ])
    };
    let chromium = Chromium::start().await;

    chromium.open(&request("first")).await;
    fill_in(&chromium, "ada", PASSWORD).await;
    chromium.at(&app.at("/consent")).await;
    let page = chromium.text("main").await;
    for shown in ["Album", "ada Example", "e-mail"] {
        assert!(page.contains(shown), "{shown} is not in: {page}");
    }
    chromium.click("button[value=deny]").await;
    chromium.at(&callback).await;
    let denied = album.came_to("/callback");
    assert_eq!(answered(&denied, "error").as_deref(), Some("access_denied"));
    assert_eq!(answered(&denied, "state").as_deref(), Some("first"));
    assert_eq!(answered(&denied, "code"), None);

    chromium.open(&request("second")).await;
    chromium.click("button[value=allow]").await;
    chromium.at(&callback).await;
    let allowed = album.came_to("/callback");
    assert_eq!(answered(&allowed, "state").as_deref(), Some("second"));
    assert!(answered(&allowed, "code").is_some());

    chromium.traffic().await;
    chromium.open(&request("third")).await;
    chromium.at(&callback).await;
    assert_eq!(answered(&album.came_to("/callback"), "state").as_deref(), Some("third"));
    let pages = chromium.traffic().await.pages;
    assert_eq!(pages.len(), 2, "only there and back: {pages:#?}");

    chromium
        .open(&rp.authorize(&[("redirect_uri", Some(&callback)), ("scope", Some("openid email profile"))]))
        .await;
    chromium.at(&app.at("/consent")).await;
    chromium.finish().await;
    app.finish().await;
}

/// A double click or a key that was meant for the page before does not allow anything.
#[actix_web::test]
async fn allow_appears_a_moment_after_the_page() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let callback = "http://localhost:9/callback";
    let rp = Rp::new(&app, json!({ "client_name": "Album", "redirect_uris": [callback] })).await;
    let chromium = Chromium::start().await;
    chromium.open(&rp.authorize(&[("redirect_uri", Some(callback))])).await;
    fill_in(&chromium, "ada", PASSWORD).await;
    chromium.at(&app.at("/consent")).await;
    // The animation's own clock, so that nothing depends on how fast this machine is.
    let at = |ms: u32| {
        format!(
            "(b => {{ const [a] = b.getAnimations(); a.pause(); a.currentTime = {ms}; b.focus(); \
             return [getComputedStyle(b).visibility, document.activeElement === b].join() }})\
             (document.querySelector('button[value=allow]'))"
        )
    };
    chromium.run("document.querySelector('button[value=allow]').style.animationName = 'none'").await;
    chromium.run("document.querySelector('button[value=allow]').style.animationName = ''").await;
    for (ms, expected) in [(0, "hidden,false"), (599, "hidden,false"), (600, "visible,true")] {
        chromium.run("document.activeElement.blur()").await;
        assert_eq!(chromium.ask(&at(ms)).await, expected, "{ms} ms");
    }
    chromium.run("document.querySelector('button[value=allow]').style.animation = 'none'").await;
    chromium.seen("button[value=allow]").await;
    chromium.finish().await;
    app.finish().await;
}
