//! Guessing is slowed down, and nobody can lock another person out.

use countersign::password::Password;
use countersign::store::users::{self, Change};
use reqwest::Method;
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
        assert!((1..=60).contains(&wait) && refused.body.contains("for 1 minute."), "{}", refused.body);
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

/// Whoever has the person's own browser in hand guesses no more than ten times an hour, and shuts out nobody else.
#[actix_web::test]
async fn a_known_browser_has_ten_guesses_an_hour() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let home = app.browser();
    assert!(type_in(&rp, &home, "ada", PASSWORD).await.answered("code").is_some());
    for _ in 0..2 {
        assert_eq!(statuses(&rp, &home, "ada", 5).await, [422; 5]);
        app.clock.advance(Duration::seconds(61));
    }
    let refused = type_in(&rp, &home, "ada", PASSWORD).await;
    assert_eq!(refused.status, 429, "even the right password");
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((3000..=3600).contains(&wait) && refused.body.contains("for 58 minutes."), "{}", refused.body);
    assert!(type_in(&rp, &app.browser(), "ada", PASSWORD).await.answered("code").is_some(), "elsewhere");
    app.clock.advance(Duration::seconds(wait));
    assert!(type_in(&rp, &home, "ada", PASSWORD).await.answered("code").is_some());
    app.finish().await;
}

/// Whoever took a browser's cookie, and not the new password, is a stranger with it.
#[actix_web::test]
async fn a_new_password_makes_every_browser_an_unknown_one() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let (home, other) = (app.browser(), app.browser());
    for browser in [&home, &other] {
        assert!(type_in(&rp, browser, "ada", PASSWORD).await.answered("code").is_some());
    }
    let new = "a-new-otter-paints-9";
    app.keep_secret(new);
    let hash = Password::chosen(new).unwrap().hash().unwrap();
    users::change(&app.app.db, &ada.id, Change::Password(hash), "test", app.clock.now()).await.unwrap();
    assert!(type_in(&rp, &home, "ada", new).await.answered("code").is_some());
    for _ in 0..10 {
        assert_eq!(statuses(&rp, &app.browser(), "ada", 5).await, [422; 5]);
        app.clock.advance(Duration::seconds(61));
    }
    assert!(other.cookie("countersign_device").is_some());
    assert_eq!(type_in(&rp, &other, "ada", new).await.status, 429, "known by the old password only");
    assert!(type_in(&rp, &home, "ada", new).await.answered("code").is_some(), "known by the new one");
    app.finish().await;
}

/// One visitor has many addresses: all of a network count as one.
#[actix_web::test]
async fn a_network_is_a_24_of_ipv4_and_a_56_of_ipv6() {
    let behind_a_proxy = Options {
        adjust: |config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()],
        ..Options::default()
    };
    let app = TestApp::start_with(behind_a_proxy).await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let form = browser.open(&rp.authorize(&[])).await.form();
    let ticket = &form.fields.iter().find(|(name, _)| name == "ticket").unwrap().1;
    let guess = async |from: &str| {
        let fields = [("ticket", ticket.as_str()), ("username", "ada"), ("password", "not-the-password")];
        let request = browser.request(Method::POST, &app.at("/login")).form(&fields);
        let request = request.header("sec-fetch-site", "same-origin").header("x-forwarded-for", from);
        browser.send(request).await.status.as_u16()
    };
    for (one, same, other) in [
        ("192.0.2.1", "192.0.2.254", "192.0.3.1"),
        ("2001:db8:0:100::1", "2001:db8:0:1ff:ffff::9", "2001:db8:0:200::1"),
        ("::ffff:198.51.100.1", "198.51.100.9", "::ffff:198.51.101.1"),
    ] {
        for _ in 0..5 {
            assert_eq!(guess(one).await, 303, "{one}");
        }
        assert_eq!((guess(same).await, guess(other).await), (429, 303), "{same} and {other}");
    }
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
