//! What the form does with what was typed before.

use serde_json::json;

use super::stage::{Album, Demo, fill_in};
use crate::support::app::TestApp;
use crate::support::chromium::{Chromium, Profile};
use crate::support::rp::Rp;

#[actix_web::test]
async fn after_a_wrong_password_only_the_password_has_to_be_typed_again() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    demo.to_form(&chromium, &demo.running.bank).await;
    chromium.click("#remember").await;
    fill_in(&chromium, "ada", "not the password").await;
    chromium.shows("#problem").await;
    assert_eq!(chromium.ask("document.querySelector('#problem').role").await, "alert");
    assert!(chromium.text("#problem").await.starts_with("User name or password is not right"));
    assert_eq!(chromium.value("#username").await, "ada");
    assert_eq!(chromium.value("#password").await, "");
    assert_eq!(chromium.ask("document.querySelector('#remember').checked").await, true);
    assert_eq!(chromium.focused().await, "password");
    for field in ["username", "password"] {
        let spoken =
            format!("['aria-describedby', 'aria-invalid'].map(a => {field}.getAttribute(a)).join(' ')");
        assert_eq!(chromium.ask(&spoken).await, "problem true", "{field}");
    }
    chromium.write(&demo.ada().password).await;
    chromium.press(fantoccini::key::Key::Enter).await;
    demo.arrived(&chromium, &demo.running.bank).await;
    chromium.finish().await;
    demo.stop().await;
}

#[actix_web::test]
async fn the_application_may_fill_in_the_name() {
    let app = TestApp::start().await;
    let album = Album::open();
    let callback = album.at("/callback");
    let rp = Rp::new(&app, json!({ "client_name": "Album", "redirect_uris": [callback] })).await;
    let chromium = Chromium::start().await;
    let hint = "\"><script>document.title='taken'</script>ada@example.com";
    let request = [("redirect_uri", Some(callback.as_str())), ("login_hint", Some(hint))];
    chromium.open(&rp.authorize(&request)).await;
    assert_eq!(chromium.value("#username").await, hint);
    assert_eq!(chromium.focused().await, "password");
    assert_ne!(chromium.ask("document.title").await, "taken");
    chromium.click("button[value=cancel]").await;
    chromium.at(&callback).await;
    assert!(album.came_to("/callback").contains(&("error".into(), "access_denied".into())));
    chromium.finish().await;
    app.finish().await;
}

#[actix_web::test]
async fn a_password_is_shown_on_request_and_sent_as_a_password() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    demo.to_form(&chromium, &demo.running.bank).await;
    let state = "[password.type, document.querySelector('#show-password').ariaPressed].join()";
    chromium.fill("#username", &demo.ada().login).await;
    chromium.fill("#password", "not the password").await;
    assert_eq!(chromium.text("#show-password").await, "Show password");
    for expected in ["text,true", "password,false", "text,true"] {
        chromium.click("#show-password").await;
        assert_eq!(chromium.ask(state).await, expected);
        assert_eq!(chromium.value("#password").await, "not the password");
    }
    // The field is a password again when the form is sent: the browser must not offer it as a word.
    chromium.run("password.form.addEventListener('submit', e => { e.preventDefault(); done = true })").await;
    chromium.click("button[type=submit]:not([name])").await;
    chromium.until("window.done".into()).await;
    assert_eq!(chromium.ask(state).await, "password,false");
    chromium.finish().await;
    demo.stop().await;
}

#[actix_web::test]
async fn without_script_no_button_is_offered_that_needs_it() {
    let demo = Demo::start().await;
    let chromium = Chromium::start_with(Profile { script: false, ..Profile::default() }).await;
    demo.to_form(&chromium, &demo.running.bank).await;
    let shown = chromium.ask("document.querySelector('#show-password').checkVisibility()").await;
    assert_eq!(shown, false);
    fill_in(&chromium, &demo.ada().login, &demo.ada().password).await;
    demo.arrived(&chromium, &demo.running.bank).await;
    chromium.finish().await;
    demo.stop().await;
}
