//! Two people in one browser: each application gets the one that was chosen for it, and keeps it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::endpoints::{Outcome, outcome};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::{Rp, claims};

/// What an application learns from an answer: its ID Token's claims, and what UserInfo tells.
async fn learns(rp: &Rp<'_>, browser: &Browser, answer: &Answer) -> (Value, Answer) {
    let tokens = rp.redeem(browser, &answer.answered("code").expect("a code"), &[]).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    let request = browser.request(Method::GET, &rp.app.at("/userinfo")).bearer_auth(token);
    (claims(&tokens["id_token"]), browser.send(request).await)
}

#[actix_web::test]
async fn two_accounts_serve_two_applications_side_by_side() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let eve = app.user("eve").await;
    let mail = Rp::new(&app, json!({ "client_name": "Mail", "first_party": true })).await;
    let bank = Rp::new(&app, json!({ "client_name": "Bank", "first_party": true })).await;
    let browser = app.browser();
    let scope = ("scope", Some("openid email"));
    let first = mail.sign_in(&browser, "ada", &[scope]).await;
    let (of_ada, told) = learns(&mail, &browser, &first).await;
    assert_eq!(told.json()["email"], "ada@example.com");

    // Another account is added at the bank; the first one stays.
    let page = browser.open(&bank.authorize(&[scope, ("prompt", Some("select_account"))])).await;
    let form = browser.submit(&page, &[("decision", "another")]).await;
    let username = form.form().fields.into_iter().find(|(name, _)| name == "username").unwrap().1;
    assert_eq!(username, "", "another account is not the one that is here");
    let second = browser.submit(&form, &[("username", "eve"), ("password", PASSWORD)]).await;
    let (of_eve, told) = learns(&bank, &browser, &second).await;
    assert_eq!((told.json()["email"].clone(), &of_eve["sub"]), (json!("eve@example.com"), &json!(eve.id)));
    assert_ne!(of_eve["sid"], of_ada["sid"]);

    // Each comes back as the same session, whichever application asks, by hint or by choice.
    let asked = browser.open(&mail.authorize(&[scope])).await;
    let chosen = browser.submit(&asked, &[("account", &ada.id)]).await;
    let (again, told) = learns(&mail, &browser, &chosen).await;
    assert_eq!((&again["sid"], &again["auth_time"]), (&of_ada["sid"], &of_ada["auth_time"]));
    assert_eq!(told.json()["email"], "ada@example.com");
    let hinted =
        browser.get(&bank.authorize(&[scope, ("prompt", Some("none")), ("login_hint", Some("eve"))])).await;
    assert_eq!(learns(&bank, &browser, &hinted).await.0["sid"], of_eve["sid"]);
    let crossed = browser.get(&bank.authorize(&[scope, ("login_hint", Some("ada"))])).await;
    let (crossed, _) = learns(&bank, &browser, &crossed).await;
    assert_eq!(crossed["sub"], ada.id);
    assert!(
        crossed["sid"] != of_ada["sid"] && crossed["sid"] != of_eve["sid"],
        "another client, another account"
    );

    // The front page shows both, and signing out is for both: both applications' tokens are dead.
    let home = browser.get(&app.at("/")).await;
    assert!(home.body.contains("ada Example") && home.body.contains("eve Example"), "{}", home.body);
    let question = browser.open(&app.at("/end_session")).await;
    for said in ["ada Example", "eve Example", "All of these accounts will be signed out"] {
        assert!(question.body.contains(said), "{said}: {}", question.body);
    }
    let last = browser.get(&mail.authorize(&[("login_hint", Some("ada"))])).await;
    let code = last.answered("code").unwrap();
    browser.submit(&question, &[]).await;
    assert_eq!(mail.redeem(&browser, &code, &[]).await.status, 400);
    for rp in [&mail, &bank] {
        let silent = browser.get(&rp.authorize(&[("prompt", Some("none"))])).await;
        assert_eq!(outcome(&app, &silent), Outcome::error("login_required"));
    }
    app.finish().await;
}

#[actix_web::test]
async fn two_tabs_choose_different_accounts_in_any_order() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let eve = app.user("eve").await;
    let rp = Rp::new(&app, json!({})).await;
    let own = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    own.code(&browser, "ada", &[]).await;
    let page = browser.open(&own.authorize(&[("prompt", Some("select_account"))])).await;
    let form = browser.submit(&page, &[("decision", "another")]).await;
    browser.submit(&form, &[("username", "eve"), ("password", PASSWORD)]).await;

    let (left, right) = (browser.open(&rp.authorize(&[])).await, browser.open(&rp.authorize(&[])).await);
    let left = browser.submit(&left, &[("account", &ada.id)]).await;
    let right = browser.submit(&right, &[("account", &eve.id)]).await;
    assert!(left.text(".person").contains("ada Example") && right.text(".person").contains("eve Example"));
    // The later one is finished first; neither disturbs the other.
    let right = browser.submit(&right, &[("decision", "allow")]).await;
    let left = browser.submit(&left, &[("decision", "allow")]).await;
    assert_eq!(learns(&rp, &browser, &right).await.0["sub"], eve.id);
    assert_eq!(learns(&rp, &browser, &left).await.0["sub"], ada.id);
    app.finish().await;
}
