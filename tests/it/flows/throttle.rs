//! Guessing is slowed down, and nobody can lock another person out.

use serde_json::json;
use time::Duration;

use crate::support::app::{Options, PASSWORD, State, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::Rp;

/// Types into a fresh sign-in page.
async fn type_in(rp: &Rp<'_>, browser: &Browser, login: &str, password: &str) -> Answer {
    let page = browser.open(&rp.authorize(&[("prompt", Some("login"))])).await;
    browser.submit(&page, &[("username", login), ("password", password)]).await
}

async fn statuses(rp: &Rp<'_>, browser: &Browser, login: &str, times: usize) -> Vec<u16> {
    let mut found = vec![];
    for _ in 0..times {
        found.push(type_in(rp, browser, login, "not-the-password").await.status.as_u16());
    }
    found
}

async fn guessing_is_slowed_down(state: State) {
    let app = TestApp::start_with(Options { state, ..Options::default() }).await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let home = app.browser();
    assert!(type_in(&rp, &home, "ada", PASSWORD).await.answered("code").is_some());

    // Five failures a minute for one account from one network, whatever the browser; unknown names alike.
    for login in ["ada", "nobody"] {
        let guesser = app.browser();
        assert_eq!(statuses(&rp, &guesser, login, 7).await, [422, 422, 422, 422, 422, 429, 429], "{login}");
        let refused = type_in(&rp, &app.browser(), &login.to_uppercase(), PASSWORD).await;
        assert_eq!(refused.status, 429, "even the right password, and another spelling");
        let wait: u32 = refused.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait) && refused.body.contains(&wait.to_string()), "{}", refused.body);
    }
    app.clock.advance(Duration::seconds(61));
    assert!(type_in(&rp, &app.browser(), "ada", PASSWORD).await.answered("code").is_some());

    // Successes are not counted, and nothing else is limited meanwhile.
    for _ in 0..8 {
        assert!(type_in(&rp, &home, "ada", PASSWORD).await.answered("code").is_some());
    }
    app.finish().await;
}

#[actix_web::test]
async fn guessing_is_slowed_down_with_sql_state() {
    guessing_is_slowed_down(State::Sql).await;
}

#[actix_web::test]
async fn guessing_is_slowed_down_with_redis_state() {
    guessing_is_slowed_down(State::Redis).await;
}

#[actix_web::test]
async fn who_has_signed_in_here_before_is_not_locked_out_by_others() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let home = app.browser();
    assert!(type_in(&rp, &home, "ada", PASSWORD).await.answered("code").is_some());
    assert!(home.cookie("countersign_device").is_some());

    // Ten minutes of five guesses each use up the account's fifty an hour.
    for _ in 0..10 {
        assert_eq!(statuses(&rp, &app.browser(), "ada", 5).await, [422; 5]);
        app.clock.advance(Duration::seconds(61));
    }
    let stranger = type_in(&rp, &app.browser(), "ada", PASSWORD).await;
    assert_eq!(stranger.status, 429);
    assert!(stranger.header("retry-after").parse::<u32>().unwrap() > 60);
    app.clock.advance(Duration::seconds(61));
    assert!(
        type_in(&rp, &home, "ada", PASSWORD).await.answered("code").is_some(),
        "the person's own browser"
    );

    // The cookie is for this account, in this browser, with this password.
    let thief = app.browser();
    thief.get(&app.at("/")).await;
    thief.set_cookie("countersign_device", &home.cookie("countersign_device").unwrap());
    assert_eq!(type_in(&rp, &thief, "ada", PASSWORD).await.status, 429);
    app.clock.advance(Duration::hours(1));
    assert!(type_in(&rp, &app.browser(), "ada", PASSWORD).await.answered("code").is_some());
    app.finish().await;
}

#[actix_web::test]
async fn a_planted_cookie_is_not_sent_back() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    for planted in ["x%3B%20Domain%3Devil.example", "x%0D%0ASet-Cookie%3A%20a%3Db", "1%3Ax.y:z.%22", "\u{e9}"]
    {
        let browser = app.browser();
        browser.get(&app.at("/")).await;
        browser.set_cookie("countersign_device", planted);
        assert!(type_in(&rp, &browser, "ada", PASSWORD).await.answered("code").is_some());
        let given = browser.cookie("countersign_device").unwrap();
        assert!(given != planted && !given.contains('.'), "{planted} became {given}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn one_network_cannot_try_many_names() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let guesser = app.browser();
    let page = guesser.open(&rp.authorize(&[])).await;
    for number in 0..100 {
        let name = format!("somebody-{number}");
        let answer = guesser.submit(&page, &[("username", &name), ("password", "a-common-password")]).await;
        assert_eq!(answer.status, 422, "{number}");
    }
    let answer = guesser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 429);
    app.finish().await;
}
