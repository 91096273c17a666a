//! How long a sign-in lasts, and what a pending request still owes.

use serde_json::json;
use time::Duration;

use crate::endpoints::{Outcome, outcome};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::{Rp, claims};

async fn asks(rp: &Rp<'_>, browser: &Browser) -> Outcome {
    outcome(rp.app, &browser.get(&rp.authorize(&[])).await)
}

async fn sign_in(browser: &Browser, page: &Answer, login: &str) -> Answer {
    browser.submit(page, &[("username", login), ("password", PASSWORD)]).await
}

#[actix_web::test]
async fn eight_hours_of_silence_or_a_day_in_all_end_it() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let idle = app.browser();
    let page = idle.open(&rp.authorize(&[])).await;
    let posted =
        idle.post(&app.at("/login"), &with(&page, &[("username", "ada"), ("password", PASSWORD)])).await;
    let cookie = posted.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with(&app.app.cookies.session)
            && !cookie.contains("Max-Age")
            && !cookie.contains("Expires"),
        "{cookie}"
    );
    let hour = Duration::hours(1);
    app.clock.advance(hour * 8 - Duration::minutes(1));
    assert_eq!(asks(&rp, &idle).await, Outcome::Code);
    app.clock.advance(hour * 8 - Duration::minutes(1));
    assert_eq!(asks(&rp, &idle).await, Outcome::Code, "using it keeps it");
    app.clock.advance(hour * 8 + Duration::seconds(1));
    assert_eq!(asks(&rp, &idle).await, Outcome::Login, "eight hours of silence");

    let busy = app.browser();
    rp.code(&busy, "ada", &[]).await;
    for hours in (6..24).step_by(6) {
        app.clock.advance(hour * 6);
        assert_eq!(asks(&rp, &busy).await, Outcome::Code, "{hours} h");
    }
    app.clock.advance(hour * 6 - Duration::minutes(1));
    assert_eq!(asks(&rp, &busy).await, Outcome::Code);
    app.clock.advance(Duration::minutes(1));
    assert_eq!(asks(&rp, &busy).await, Outcome::Login, "a day in all");
    app.finish().await;
}

/// The fields of a page's form with some filled in.
fn with(page: &Answer, filled: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let ticket = page.form().fields.into_iter().find(|(name, _)| name == "ticket").unwrap().1;
    let mut fields = vec![("ticket", &*ticket.leak())];
    fields.extend_from_slice(filled);
    fields
}

#[actix_web::test]
async fn staying_signed_in_lasts_a_month() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let page = browser.open(&rp.authorize(&[])).await;
    let fields = with(&page, &[("username", "ada"), ("password", PASSWORD), ("remember", "1")]);
    let posted = browser.post(&app.at("/login"), &fields).await;
    assert!(posted.header("set-cookie").contains("Max-Age=2592000"), "{}", posted.header("set-cookie"));
    for days in [1, 15, 29] {
        let fresh = browser.fork();
        app.clock.advance(Duration::days(if days == 1 { 1 } else { 14 }));
        assert_eq!(asks(&rp, &fresh).await, Outcome::Code, "{days} d");
    }
    app.clock.advance(Duration::days(1));
    assert_eq!(asks(&rp, &browser).await, Outcome::Login, "30 d");
    app.finish().await;
}

#[actix_web::test]
async fn what_is_owed_survives_every_reload_until_it_is_done() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let first = rp.tokens(&browser, "ada", &[]).await;
    app.clock.advance(Duration::seconds(2));
    for (name, value) in [("prompt", "login"), ("max_age", "0"), ("max_age", "1")] {
        let page = browser.open(&rp.authorize(&[(name, Some(value))])).await;
        assert_eq!(outcome(&app, &page), Outcome::Login, "{name}={value}");
        let reloaded = browser.open(page.url.as_str()).await;
        assert_eq!(outcome(&app, &reloaded), Outcome::Login, "reload");
        let skipped = browser.open(&page.url.as_str().replace("/login?", "/continue?")).await;
        assert_eq!(outcome(&app, &skipped), Outcome::Login, "continue");
        // Signing in for another request does not pay for this one.
        let another = browser.open(&rp.authorize(&[("prompt", Some("login"))])).await;
        assert_eq!(outcome(&app, &sign_in(&browser, &another, "ada").await), Outcome::Code);
        if name == "prompt" {
            assert_eq!(outcome(&app, &browser.open(page.url.as_str()).await), Outcome::Login, "another tab");
        }
        let back = sign_in(&browser, &page, "ada").await;
        assert_eq!(outcome(&app, &back), Outcome::Code);
        let tokens = rp.redeem(&browser, &back.answered("code").unwrap(), &[]).await.json();
        let (before, after) = (claims(&first["id_token"]), claims(&tokens["id_token"]));
        assert!(after["auth_time"].as_i64() > before["auth_time"].as_i64());
        assert_eq!(after["sid"], before["sid"], "the same session");
        app.clock.advance(Duration::seconds(2));
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_completed_request_is_a_new_one_the_second_time() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    for (prompt, second) in [(None, Outcome::Code), (Some("login"), Outcome::Login)] {
        let page = browser.open(&rp.authorize(&[("prompt", prompt)])).await;
        assert_eq!(outcome(&app, &page), Outcome::Login, "{prompt:?}");
        let fields = with(&page, &[("username", "ada"), ("password", PASSWORD)]);
        let posted = browser.post(&app.at("/login"), &fields).await;
        let resume = posted.location().unwrap();
        let once = browser.get(resume.as_str()).await;
        let twice = browser.follow(browser.get(resume.as_str()).await).await;
        assert_eq!(outcome(&app, &once), Outcome::Code, "{prompt:?}");
        assert_eq!(outcome(&app, &twice), second, "{prompt:?}");
        if second == Outcome::Code {
            assert_ne!(once.answered("code"), twice.answered("code"));
        } else {
            // The new one can be completed as any other.
            assert_eq!(outcome(&app, &sign_in(&browser, &twice, "ada").await), Outcome::Code);
        }
    }
    app.finish().await;
}

/// `max_age=1` counts the sign-in that was made for it, for the hour that reading what comes next may take.
#[actix_web::test]
async fn a_slow_reader_is_not_sent_in_circles() {
    let app = TestApp::start().await;
    app.user("ada").await;
    for (name, value) in
        [("max_age", "1"), ("max_age", "0"), ("prompt", "login"), ("prompt", "login consent")]
    {
        let rp = Rp::new(&app, json!({})).await;
        let browser = app.browser();
        let page = browser.open(&rp.authorize(&[(name, Some(value))])).await;
        let consent = sign_in(&browser, &page, "ada").await;
        assert_eq!(outcome(&app, &consent), Outcome::Consent, "{name}={value}");
        app.clock.advance(Duration::minutes(59));
        let back = browser.submit(&consent, &[("decision", "allow")]).await;
        assert_eq!(outcome(&app, &back), Outcome::Code, "{name}={value}");
        app.clock.advance(Duration::seconds(2));
        let again = browser.open(&rp.authorize(&[(name, Some(value))])).await;
        assert_eq!(outcome(&app, &again), Outcome::Login, "{name}={value}: the next request owes it again");
    }
    app.finish().await;
}

#[actix_web::test]
async fn every_sign_in_changes_the_cookie_and_only_that_moves_auth_time() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let first = claims(&rp.tokens(&browser, "ada", &[]).await["id_token"]);
    let cookie = browser.cookie(&app.app.cookies.session).unwrap();
    app.clock.advance(Duration::seconds(5));
    let code = browser.get(&rp.authorize(&[])).await.answered("code").unwrap();
    let silent = claims(&rp.redeem(&browser, &code, &[]).await.json()["id_token"]);
    assert_eq!((&silent["auth_time"], &silent["sid"]), (&first["auth_time"], &first["sid"]));
    assert_eq!(browser.cookie(&app.app.cookies.session).unwrap(), cookie, "no authentication, no new cookie");
    let again = claims(&rp.tokens(&browser, "ada", &[("prompt", Some("login"))]).await["id_token"]);
    assert_ne!(browser.cookie(&app.app.cookies.session).unwrap(), cookie);
    let moved = again["auth_time"].as_i64().unwrap() - first["auth_time"].as_i64().unwrap();
    assert!((5..60).contains(&moved), "{moved}");
    assert_eq!(again["sid"], first["sid"]);
    // After signing out it is another session.
    let home = browser.get(&app.at("/")).await;
    browser.submit(&home, &[]).await;
    let anew = claims(&rp.tokens(&browser, "ada", &[]).await["id_token"]);
    assert_ne!(anew["sid"], first["sid"]);
    app.finish().await;
}

/// A sign-in counts for the request it happened for, for an hour: a consent page that was left open until then asks
/// for another one before anything is issued.
#[actix_web::test]
async fn a_demanded_sign_in_counts_for_an_hour() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({})).await;
    for (minutes, expected) in [(59, Outcome::Code), (61, Outcome::Login)] {
        let browser = app.browser();
        let page = browser.open(&rp.authorize(&[("prompt", Some("login consent"))])).await;
        let consent = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
        assert_eq!(outcome(&app, &consent), Outcome::Consent);
        app.clock.advance(Duration::minutes(minutes));
        let next = browser.submit(&consent, &[("decision", "allow")]).await;
        assert_eq!(outcome(&app, &next), expected, "{minutes} minutes");
        if expected == Outcome::Login {
            let back = browser.submit(&next, &[("username", "ada"), ("password", PASSWORD)]).await;
            assert_eq!(outcome(&app, &back), Outcome::Code, "what was allowed stays allowed");
        }
    }
    app.finish().await;
}
