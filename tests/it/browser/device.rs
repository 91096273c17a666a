//! A device is signed in from a real browser: by keyboard alone, without script, on every screen.

use fantoccini::key::Key;
use serde_json::json;
use time::Duration;

use super::looks::look;
use super::stage::fill_in;
use crate::support::app::{PASSWORD, TestApp};
use crate::support::chromium::{Chromium, Profile};
use crate::support::tv::Tv;

async fn tab_to(chromium: &Chromium, expected: &[&str]) {
    for name in expected {
        chromium.press(Key::Tab).await;
        assert_eq!(chromium.focused().await, *name);
        chromium.assert_focus_visible().await;
    }
}

#[actix_web::test]
async fn a_device_is_signed_in_by_keyboard_alone() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let tv = Tv::new(&app, json!({})).await;
    let codes = tv.codes().await;
    let chromium = Chromium::start().await;
    chromium.open(&app.at("/device")).await;
    assert_eq!(chromium.text("h1").await, "Sign in to connect a device");
    chromium.write("ada").await;
    chromium.press(Key::Tab).await;
    chromium.write(PASSWORD).await;
    chromium.press(Key::Enter).await;
    chromium.shows("#user-code").await;
    assert_eq!(chromium.focused().await, "user-code");
    chromium.assert_focus_visible().await;
    chromium.write("bcdf-ghj1").await;
    chromium.press(Key::Enter).await;
    chromium.shows("#problem").await;
    assert_eq!(chromium.text("#problem .alert-title").await, "This is not a code from a device");
    assert_eq!(chromium.focused().await, "user-code");
    chromium.run("document.getElementById('user-code').select()").await;
    chromium.write(&codes.user.to_lowercase()).await;
    tab_to(&chromium, &["Continue"]).await;
    chromium.press(Key::Enter).await;
    chromium.shows("p.code").await;
    assert_eq!(chromium.text("p.code").await, codes.user);

    // A person who only presses Enter or Space approves nothing.
    assert_eq!(chromium.ask("document.activeElement === document.body").await, true);
    chromium.press(Key::Enter).await;
    chromium.press(Key::Space).await;
    assert_eq!(tv.poll(&codes.device, &[]).await.json()["error"], "authorization_pending");
    chromium.seen("button[value=approve]").await;
    tab_to(&chromium, &["Use another account", "Approve", "Deny"]).await;
    chromium.press_shifted(Key::Tab).await;
    chromium.press(Key::Enter).await;
    chromium.until("document.querySelector('h1').textContent === 'Your device is signed in'".into()).await;
    app.clock.advance(Duration::seconds(5));
    assert_eq!(tv.poll(&codes.device, &[]).await.status, 200);
    // Reloading and going back decide nothing again.
    chromium.reload().await;
    assert_eq!(chromium.text("h1").await, "Your device is signed in");
    chromium.back().await;
    chromium.finish().await;
    app.finish().await;
}

#[actix_web::test]
async fn it_needs_no_script_and_fits_a_small_screen() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let tv = Tv::new(&app, json!({})).await;
    let codes = tv.codes().await;
    let chromium = Chromium::start_with(Profile { script: false, ..Profile::default() }).await;
    chromium.open(&codes.link).await;
    look(&chromium, "device-sign-in").await;
    fill_in(&chromium, "ada", PASSWORD).await;
    chromium.shows("#user-code").await;
    assert_eq!(chromium.value("#user-code").await, codes.user, "the link fills it in");
    look(&chromium, "device-code").await;
    chromium.click("button[type=submit]").await;
    chromium.shows("p.code").await;
    look(&chromium, "device-question").await;
    chromium.seen("button[value=approve]").await;
    chromium.click("button[value=deny]").await;
    chromium
        .until("document.querySelector('h1').textContent === 'Your device is not signed in'".into())
        .await;
    look(&chromium, "device-denied").await;
    assert_eq!(tv.poll(&codes.device, &[]).await.json()["error"], "access_denied");
    chromium.finish().await;
    app.finish().await;
}
