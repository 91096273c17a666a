//! A clock runs ahead by a year while people sign in, and is right again: what it dated is not believed, and nobody is
//! let in, or kept out, until that year is over.

use reqwest::Method;
use serde_json::json;
use time::Duration;

use crate::support::app::{Options, PASSWORD, State, TestApp};
use crate::support::rp::Rp;

const YEAR: Duration = Duration::days(365);
const SILENT: (&str, Option<&str>) = ("prompt", Some("none"));

async fn story(state: State) {
    let app = TestApp::start_with(Options { state, ..Options::default() }).await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({})).await;
    let (browser, stranger) = (app.browser(), app.browser());

    app.clock.advance(YEAR);
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let code = browser.get(&rp.authorize(&[SILENT])).await.answered("code").expect("signed in");
    app.keep_secret(&code);
    let waiting = stranger.open(&rp.authorize(&[])).await;
    let typed = [("username", "ada"), ("password", "not the password")];
    let mut last = 0;
    for _ in 0..6 {
        last = stranger.submit(&waiting, &typed).await.status.as_u16();
    }
    assert_eq!(last, 429, "the counter is full");

    app.clock.advance(-YEAR);
    let redeemed = rp.redeem(&browser, &code, &[]).await;
    assert_eq!((redeemed.status.as_u16(), redeemed.json()["error"].clone()), (400, json!("invalid_grant")));
    let silent = browser.get(&rp.authorize(&[SILENT])).await;
    assert_eq!(silent.answered("error").as_deref(), Some("login_required"), "the session is none");
    let access_token = tokens["access_token"].as_str().unwrap();
    let userinfo = browser.request(Method::GET, &app.at("/userinfo")).bearer_auth(access_token);
    assert_eq!(browser.send(userinfo).await.status, 401);
    let hinted = rp.authorize(&[("id_token_hint", tokens["id_token"].as_str())]);
    assert_eq!(browser.get(&hinted).await.answered("error").as_deref(), Some("invalid_request"));
    let late = stranger.submit(&waiting, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert!(late.status.is_client_error() && late.status != 429, "a ticket of the future: {}", late.status);

    // Nobody is kept out by the counter, and the consent is asked for again.
    let page = browser.open(&rp.authorize(&[])).await;
    let next = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert!(next.url.path().ends_with("/consent"), "{} {}", next.status, next.url);
    let done = browser.submit(&next, &[("decision", "allow")]).await;
    assert!(done.answered("code").is_some(), "{}", done.status);
    assert!(browser.get(&rp.authorize(&[SILENT])).await.answered("code").is_some(), "and lasts");
    app.finish().await;
}

#[actix_web::test]
async fn what_a_clock_dated_ahead_is_not_believed_with_sql_state() {
    story(State::Sql).await;
}

#[actix_web::test]
async fn what_a_clock_dated_ahead_is_not_believed_with_redis_state() {
    story(State::Redis).await;
}
