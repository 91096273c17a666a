//! Several accounts in one browser, chosen by hand: with the mouse or the keyboard, with script or without.

use fantoccini::key::Key;
use serde_json::json;

use super::stage::{Album, fill_in};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::chromium::{Chromium, Profile};
use crate::support::rp::{Rp, claims};

async fn story(chromium: Chromium, by_keyboard: bool) {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let eve = app.user("eve").await;
    let album = Album::open();
    let callback = album.at("/callback");
    let metadata = json!({ "client_name": "Album", "redirect_uris": [callback], "first_party": true });
    let rp = Rp::new(&app, metadata).await;
    let request = |more: &[(&str, Option<&str>)]| {
        rp.authorize(&[&[("redirect_uri", Some(callback.as_str()))], more].concat())
    };
    let who = async || {
        chromium.at(&callback).await;
        let answer = album.came_to("/callback");
        let code = &answer.iter().find(|(name, _)| name == "code").expect("a code").1;
        let tokens = rp.redeem(&app.browser(), code, &[("redirect_uri", Some(&callback))]).await.json();
        claims(&tokens["id_token"])["sub"].as_str().unwrap().to_owned()
    };

    chromium.open(&request(&[])).await;
    fill_in(&chromium, "ada", PASSWORD).await;
    assert_eq!(who().await, ada.id);

    chromium.open(&request(&[("prompt", Some("select_account"))])).await;
    chromium.at(&app.at("/select")).await;
    assert_eq!(chromium.text("h1").await, "Choose an account for Album");
    chromium.click("button[value=another]").await;
    chromium.at(&app.at("/login")).await;
    fill_in(&chromium, "eve", PASSWORD).await;
    assert_eq!(who().await, eve.id);

    chromium.open(&request(&[])).await;
    chromium.at(&app.at("/select")).await;
    let ada_button = format!("button[value='{}']", ada.id);
    if by_keyboard {
        // Pressing keys at random chooses nobody.
        chromium.press(Key::Enter).await;
        assert_eq!(chromium.ask("document.activeElement === document.body").await, true);
        let mut names = vec![];
        for _ in 0..4 {
            chromium.press(Key::Tab).await;
            chromium.assert_focus_visible().await;
            names.push(chromium.focused().await.lines().last().unwrap_or_default().to_owned());
        }
        assert_eq!(names, ["ada", "eve", "This signs nobody out.", "Cancel"]);
        for _ in 0..3 {
            chromium.press_shifted(Key::Tab).await;
        }
        chromium.press(Key::Enter).await;
    } else {
        chromium.click(&ada_button).await;
    }
    assert_eq!(who().await, ada.id);
    // Going back is choosing again.
    chromium.back().await;
    chromium.at(&app.at("/select")).await;
    chromium.click(&format!("button[value='{}']", eve.id)).await;
    assert_eq!(who().await, eve.id);

    // Whoever has to sign in again need only type the password.
    chromium.open(&request(&[("prompt", Some("login"))])).await;
    chromium.click(&ada_button).await;
    chromium.at(&app.at("/login")).await;
    assert_eq!(chromium.value("#username").await, "ada");
    chromium.fill("#password", PASSWORD).await;
    chromium.click("button[type=submit]:not([name])").await;
    assert_eq!(who().await, ada.id);
    chromium.finish().await;
    app.finish().await;
}

#[actix_web::test]
async fn an_account_is_added_and_chosen_by_keyboard() {
    story(Chromium::start().await, true).await;
}

#[actix_web::test]
async fn an_account_is_added_and_chosen_without_script() {
    story(Chromium::start_with(Profile { script: false, ..Profile::default() }).await, false).await;
}
