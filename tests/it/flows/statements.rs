//! What each operation asks of the stores, counted: a statement more would be seen here first.

use reqwest::Method;
use serde_json::json;

use crate::support::app::{Options, PASSWORD, State, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::Rp;

/// What was asked of the main store and of the state store while this went on.
async fn asked<T>(app: &TestApp, doing: impl Future<Output = T>) -> ((u64, u64), T) {
    let so_far = || (app.app.db.statements(), app.app.kv.asked());
    let before = so_far();
    let done = doing.await;
    let after = so_far();
    ((after.0 - before.0, after.1 - before.1), done)
}

async fn answers(state: State) -> Vec<(&'static str, (u64, u64))> {
    let app = TestApp::start_with(Options { state, ..Options::default() }).await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let (sign_in, page) = asked(&app, browser.open(&rp.authorize(&[]))).await;
    let typed = [("username", "ada"), ("password", PASSWORD)];
    let (login, back) = asked(&app, browser.submit(&page, &typed)).await;
    let redeem = async |back: &Answer| rp.redeem(&browser, &back.answered("code").unwrap(), &[]).await;
    let (_, first) = asked(&app, redeem(&back)).await;
    let sso = rp.authorize(&[("prompt", Some("none"))]);
    let (authorize, back) = asked(&app, browser.get(&sso)).await;
    let (token, tokens) = asked(&app, redeem(&back)).await;
    assert_eq!((first.status.as_u16(), tokens.status.as_u16()), (200, 200));
    let (userinfo, told) = asked(&app, userinfo(&app, &browser, &tokens)).await;
    assert_eq!(told.status, 200);
    let (keys, _) = asked(&app, browser.get(&app.at("/.well-known/jwks.json"))).await;
    let (discovery, _) = asked(&app, browser.get(&app.at("/.well-known/openid-configuration"))).await;
    app.finish().await;
    vec![
        ("sign-in page", sign_in),
        ("login", login),
        ("authorize, signed in", authorize),
        ("token", token),
        ("userinfo", userinfo),
        ("keys", keys),
        ("discovery", discovery),
    ]
}

async fn userinfo(app: &TestApp, browser: &Browser, tokens: &Answer) -> Answer {
    let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    browser.send(browser.request(Method::GET, &app.at("/userinfo")).bearer_auth(token)).await
}

/// All of it, with this many statements of the state store for a sign-in.
fn expected(login: u64) -> Vec<(&'static str, (u64, u64))> {
    vec![
        ("sign-in page", (1, 0)),
        ("login", (2, login)),
        ("authorize, signed in", (0, 2)),
        ("token", (0, 2)),
        ("userinfo", (1, 1)),
        ("keys", (0, 0)),
        ("discovery", (0, 0)),
    ]
}

#[actix_web::test]
async fn nothing_asks_more_of_sql_than_it_must() {
    assert_eq!(answers(State::Sql).await, expected(24));
}

#[actix_web::test]
async fn nothing_asks_more_of_redis_than_it_must() {
    assert_eq!(answers(State::Redis).await, expected(12));
}
