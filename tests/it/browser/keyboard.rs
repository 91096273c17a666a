//! Without a mouse: every step by Tab, Space and Enter, and always visible where one is.

use fantoccini::key::Key;
use serde_json::json;

use super::stage::{Album, Demo, fill_in};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::chromium::Chromium;
use crate::support::rp::Rp;

async fn tab_to(chromium: &Chromium, expected: &[&str]) {
    for name in expected {
        chromium.press(Key::Tab).await;
        assert_eq!(chromium.focused().await, *name);
        chromium.assert_focus_visible().await;
    }
}

#[actix_web::test]
async fn signing_in_needs_no_mouse() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    demo.to_form(&chromium, &demo.running.bank).await;

    assert_eq!(chromium.focused().await, "username");
    chromium.assert_focus_visible().await;
    chromium.write(&demo.ada().login).await;
    tab_to(&chromium, &["password"]).await;
    chromium.write(&demo.ada().password).await;
    tab_to(&chromium, &["show-password", "remember"]).await;
    chromium.press(Key::Space).await;
    assert_eq!(chromium.ask("document.activeElement.checked").await, true);
    tab_to(&chromium, &["Sign in"]).await;
    chromium.press(Key::Space).await;
    demo.arrived(&chromium, &demo.running.bank).await;

    chromium.open(&demo.provider("/")).await;
    let cookies = chromium.cookies().await;
    let session = cookies.iter().find(|cookie| cookie.name().starts_with("countersign_sid_")).unwrap();
    assert!(session.expires().is_some(), "staying signed in was ticked");
    chromium.finish().await;
    demo.stop().await;
}

#[actix_web::test]
async fn enter_in_the_password_field_signs_in() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    demo.to_form(&chromium, &demo.running.bank).await;
    chromium.write(&demo.ada().login).await;
    tab_to(&chromium, &["password"]).await;
    chromium.write(&demo.ada().password).await;
    chromium.press(Key::Enter).await;
    demo.arrived(&chromium, &demo.running.bank).await;

    chromium.open(&demo.provider("/")).await;
    let cookies = chromium.cookies().await;
    let session = cookies.iter().find(|cookie| cookie.name().starts_with("countersign_sid_")).unwrap();
    assert!(session.expires().is_none(), "nothing was said of staying signed in");
    chromium.finish().await;
    demo.stop().await;
}

#[actix_web::test]
async fn consent_needs_no_mouse_and_suggests_nothing() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let album = Album::open();
    let callback = album.at("/callback");
    let rp = Rp::new(&app, json!({ "client_name": "Album", "redirect_uris": [callback] })).await;
    let chromium = Chromium::start().await;
    chromium.open(&rp.authorize(&[("redirect_uri", Some(&callback)), ("scope", Some("openid email"))])).await;
    fill_in(&chromium, "ada", PASSWORD).await;
    chromium.at(&app.at("/consent")).await;
    assert_eq!(
        chromium.ask("document.activeElement === document.body").await,
        true,
        "something is suggested"
    );

    // Whoever only presses Enter or Space allows nothing.
    chromium.press(Key::Enter).await;
    chromium.press(Key::Space).await;
    chromium.seen("button[value=allow]").await;
    tab_to(&chromium, &["Use another account", "Allow", "Deny"]).await;
    chromium.press_shifted(Key::Tab).await;
    assert_eq!(chromium.focused().await, "Allow");
    chromium.assert_focus_visible().await;
    chromium.press(Key::Enter).await;
    chromium.at(&callback).await;
    assert!(album.came_to("/callback").iter().any(|(name, _)| name == "code"));
    chromium.finish().await;
    app.finish().await;
}
