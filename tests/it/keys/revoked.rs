//! A stolen key: `keys revoke` beside a running server, and what becomes of the tokens it signed; and a key whose time is
//! over.

use std::process::Command;
use std::time::{Duration, Instant};

use countersign::protocol::client::SigningAlg;
use serde_json::{Value, json};

use crate::store::execute;
use crate::support::app::TestApp;
use crate::support::browser::Browser;
use crate::support::rp::{Rp, claims, header};

fn revoke(app: &TestApp, token: &Value) {
    let kid = header(token)["kid"].as_str().unwrap().to_owned();
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(["keys", "revoke", &kid, "--yes"]).current_dir(app.folder.path()).env_clear();
    let done = command.env("COUNTERSIGN_ISSUER", &app.issuer).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

async fn userinfo(app: &TestApp, browser: &Browser, tokens: &Value) -> u16 {
    let request = browser.request(reqwest::Method::GET, &app.at("/userinfo"));
    browser.send(request.bearer_auth(tokens["access_token"].as_str().unwrap())).await.status.as_u16()
}

/// Waits for what a running server does within seconds.
async fn soon(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn tokens_of_a_revoked_key_are_refused_and_people_stay_signed_in() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let (rp, browser) = (Rp::new(&app, json!({ "first_party": true })).await, app.browser());
    let stolen = rp.tokens(&browser, "ada", &[]).await;
    let hint = stolen["id_token"].as_str().unwrap();
    let silent = rp.authorize(&[("prompt", Some("none")), ("id_token_hint", Some(hint))]);
    assert!(browser.get(&silent).await.answered("code").is_some());
    assert_eq!(userinfo(&app, &browser, &stolen).await, 200);

    revoke(&app, &stolen["access_token"]);
    soon("UserInfo refuses the access token", async || userinfo(&app, &browser, &stolen).await == 401).await;
    assert!(browser.get(&silent).await.answered("code").is_some(), "the other key is good");
    revoke(&app, &stolen["id_token"]);
    let error = async |url: &str| browser.get(url).await.answered("error");
    soon("the hint is refused", async || error(&silent).await.as_deref() == Some("invalid_request")).await;
    let logout = app.at(&format!("/end_session?id_token_hint={hint}"));
    let asked = browser.get(&logout).await;
    assert_eq!(
        (asked.status.as_u16(), asked.text("h1").as_str()),
        (200, "Sign out?"),
        "it signs out no more"
    );

    // Nobody has to sign in again: sessions rest on no signing key.
    let code = browser.get(&rp.authorize(&[("prompt", Some("none"))])).await.answered("code").unwrap();
    let fresh = rp.redeem(&browser, &code, &[]).await.json();
    assert_eq!(userinfo(&app, &browser, &fresh).await, 200);
    for name in ["access_token", "id_token"] {
        assert_ne!(header(&fresh[name])["kid"], header(&stolen[name])["kid"]);
    }
    app.finish().await;
}

/// A retained key has signed no token that could still be valid: one that says so was made with a copy of it.
#[actix_web::test]
async fn a_retained_key_vouches_for_hints_alone() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let (rp, browser) = (Rp::new(&app, json!({ "first_party": true })).await, app.browser());
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let mut far = claims(&tokens["access_token"]);
    far["exp"] = json!(far["exp"].as_i64().unwrap() + 31_536_000);
    let forged = app.app.keys.snapshot.load().sign(SigningAlg::ES256, "at+jwt", &far).unwrap();
    let forged = json!({ "access_token": forged });
    assert_eq!(userinfo(&app, &browser, &forged).await, 200);
    for name in ["access_token", "id_token"] {
        let kid = header(&tokens[name])["kid"].as_str().unwrap().to_owned();
        execute(&app.app.db, &format!("UPDATE signing_keys SET state = 'retained' WHERE kid = '{kid}'"))
            .unwrap();
    }
    app.app.keys.refresh(&app.app.db).unwrap();
    assert_eq!(userinfo(&app, &browser, &forged).await, 401);
    assert_eq!(userinfo(&app, &browser, &tokens).await, 401);
    let logout = app.at(&format!("/end_session?id_token_hint={}", tokens["id_token"].as_str().unwrap()));
    let done = browser.open(&logout).await;
    assert!(done.url.path().ends_with("/signed-out"), "hints outlive tokens: {}", done.url);
    app.finish().await;
}
