//! `/select`: which of several accounts, when that is asked, and who may answer.
//!
//! Holds `pages/select.rs`.

use reqwest::Method;
use serde_json::json;
use time::Duration;

use super::{Outcome, outcome, shown};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::{Rp, claims};

/// Adds an account to a browser, beside those that are there.
async fn add(rp: &Rp<'_>, browser: &Browser, login: &str) {
    let page = browser.open(&rp.authorize(&[("prompt", Some("select_account"))])).await;
    let form = if page.url.path().ends_with("/select") {
        browser.submit(&page, &[("decision", "another")]).await
    } else {
        page
    };
    let done = browser.submit(&form, &[("username", login), ("password", PASSWORD)]).await;
    assert_eq!(outcome(rp.app, &done), Outcome::Code, "{}", done.body);
}

fn prefilled(page: &Answer) -> String {
    page.form().fields.into_iter().find(|(name, _)| name == "username").expect("a name").1
}

#[actix_web::test]
async fn several_accounts_are_asked_about_unless_the_request_says_which() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let eve = app.user("eve").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let alone = browser.open(&rp.authorize(&[("prompt", Some("select_account"))])).await;
    assert_eq!(outcome(&app, &alone), Outcome::Login, "there is nobody to choose");
    let ada_token = rp.tokens(&browser, "ada", &[]).await["id_token"].as_str().unwrap().to_owned();
    let one = browser.get(&rp.authorize(&[])).await;
    assert_eq!(outcome(&app, &one), Outcome::Code);
    let one = browser.open(&rp.authorize(&[("prompt", Some("select_account"))])).await;
    let choices = one.text(".choices");
    assert!(choices.contains("ada Example") && choices.contains("Use another account"), "{choices}");
    add(&rp, &browser, "eve").await;

    let (silent, select) = (Some("none"), Some("select_account"));
    let required = || Outcome::error("account_selection_required");
    let only = |sub: &str| json!({ "id_token": { "sub": { "value": sub } } }).to_string();
    let (only_eve, hint) = (only(&eve.id), Some(ada_token.as_str()));
    #[rustfmt::skip]
    let rows: [(Vec<(&str, Option<&str>)>, Outcome, &str); 13] = [
        (vec![], Outcome::Select, ""),
        (vec![("prompt", silent)], required(), ""),
        (vec![("max_age", Some("10000")), ("prompt", silent)], required(), ""),
        (vec![("prompt", Some("login"))], Outcome::Select, ""),
        (vec![("id_token_hint", hint)], Outcome::Code, &ada.id),
        (vec![("id_token_hint", hint), ("prompt", silent)], Outcome::Code, &ada.id),
        (vec![("id_token_hint", hint), ("prompt", select)], Outcome::Select, ""),
        (vec![("claims", Some(&only_eve)), ("prompt", silent)], Outcome::Code, &eve.id),
        // Anybody may write a login_hint, so it says nothing about who is signed in here, and chooses nobody.
        (vec![("login_hint", Some("eve"))], Outcome::Select, ""),
        (vec![("login_hint", Some("eve")), ("prompt", silent)], required(), ""),
        (vec![("login_hint", Some("nobody")), ("prompt", silent)], required(), ""),
        (vec![("login_hint", Some("ada")), ("claims", Some(&only_eve))], Outcome::Code, &eve.id),
        (vec![("prompt", Some("none select_account"))], Outcome::error("invalid_request"), ""),
    ];
    for (changed, expected, who) in rows {
        let answer = browser.get(&rp.authorize(&changed)).await;
        assert_eq!(outcome(&app, &answer), expected, "{changed:?}");
        if !who.is_empty() {
            let tokens = rp.redeem(&browser, &answer.answered("code").unwrap(), &[]).await.json();
            assert_eq!(claims(&tokens["id_token"])["sub"], *who, "{changed:?}");
        }
    }
    // The page lists only those it may be about, and whom a hint names first.
    let page = browser.open(&rp.authorize(&[("id_token_hint", hint), ("prompt", select)])).await;
    assert!(page.body.contains("ada Example") && !page.body.contains("eve Example"), "{}", page.body);
    for (hint, first) in [("nobody", &ada), ("ada", &ada), (" EVE ", &eve), ("Eve@Example.com", &eve)] {
        let page = browser.open(&rp.authorize(&[("login_hint", Some(hint))])).await;
        let ids = page.body.split("name=\"account\" value=\"").skip(1);
        assert!(ids.map(|id| id.split('"').next().unwrap()).next() == Some(&first.id), "{hint}");
        let another = browser.submit(&page, &[("decision", "another")]).await;
        let kept = if hint == "nobody" { hint } else { "" };
        assert_eq!(prefilled(&another), kept, "another account is none of those that are here");
    }
    app.finish().await;
}

#[actix_web::test]
async fn what_the_chosen_account_owes_is_still_owed() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let eve = app.user("eve").await;
    let own = Rp::new(&app, json!({ "first_party": true })).await;
    let rp = Rp::new(&app, json!({})).await;
    let browser = app.browser();
    add(&own, &browser, "ada").await;
    app.clock.advance(Duration::seconds(100));
    add(&own, &browser, "eve").await;

    // Eve has just signed in, Ada has not; and the sign-in page knows who was chosen.
    let page = browser.open(&own.authorize(&[("max_age", Some("60"))])).await;
    let fresh = browser.submit(&page, &[("account", &eve.id)]).await;
    assert_eq!(outcome(&app, &fresh), Outcome::Code);
    let page = browser.open(&own.authorize(&[("max_age", Some("60"))])).await;
    let stale = browser.submit(&page, &[("account", &ada.id)]).await;
    assert_eq!((outcome(&app, &stale), prefilled(&stale)), (Outcome::Login, "ada".into()));
    for (prompt, chosen, login) in [("login", &eve.id, "eve"), ("login select_account", &ada.id, "ada")] {
        // Whoever was hinted at, it is the one that was chosen.
        let changed = [("prompt", Some(prompt)), ("login_hint", Some("somebody@example.com"))];
        let page = browser.open(&own.authorize(&changed)).await;
        let form = browser.submit(&page, &[("account", chosen)]).await;
        assert_eq!((outcome(&app, &form), prefilled(&form)), (Outcome::Login, login.into()), "{prompt}");
        let reloaded = browser.open(&form.url.as_str().replace("/login?", "/continue?")).await;
        assert_eq!(outcome(&app, &reloaded), Outcome::Login, "choosing is not signing in");
        let back = browser.submit(&form, &[("username", login), ("password", PASSWORD)]).await;
        let tokens = own.redeem(&browser, &back.answered("code").unwrap(), &[]).await.json();
        assert_eq!(claims(&tokens["id_token"])["sub"], *chosen);
    }
    // Consent is asked of the one that was chosen, and remembered for nobody else.
    let page = browser.open(&rp.authorize(&[])).await;
    let consent = browser.submit(&page, &[("account", &ada.id)]).await;
    assert!(consent.text(".person").contains("ada Example"), "{}", consent.body);
    browser.submit(&consent, &[("decision", "allow")]).await;
    let page = browser.open(&rp.authorize(&[])).await;
    let known = browser.submit(&page, &[("account", &ada.id)]).await;
    assert_eq!(outcome(&app, &known), Outcome::Code);
    // Coming back to the page of a request that is over begins it anew, with what was chosen now.
    let other = browser.submit(&page, &[("account", &eve.id)]).await;
    assert!(other.text(".person").contains("eve Example"), "{}", other.body);
    let cancelled = browser.submit(&page, &[("decision", "cancel")]).await;
    assert_eq!(outcome(&app, &cancelled), Outcome::error("access_denied"));
    app.finish().await;
}

#[actix_web::test]
async fn only_who_is_signed_in_here_can_be_chosen_and_only_by_our_own_page() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    app.user("eve").await;
    let joe = app.user("joe").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    add(&rp, &browser, "ada").await;
    add(&rp, &browser, "eve").await;
    let elsewhere = app.browser();
    let sid =
        claims(&rp.tokens(&elsewhere, "joe", &[]).await["id_token"])["sid"].as_str().unwrap().to_owned();
    let page = browser.open(&rp.authorize(&[])).await;
    assert_eq!(page.header("referrer-policy"), "same-origin");
    for fields in [&[("account", joe.id.as_str())][..], &[("account", &sid)], &[("account", "")], &[]] {
        let answer = browser.submit(&page, fields).await;
        assert_eq!(outcome(&app, &answer), Outcome::Select, "{fields:?}");
    }
    let ticket = page.form().fields.into_iter().find(|(name, _)| name == "ticket").unwrap().1;
    let fields = [("ticket", ticket.as_str()), ("account", ada.id.as_str())];
    for headers in [&[("sec-fetch-site", "cross-site")][..], &[("origin", "https://evil.example")], &[]] {
        let request = browser.request(Method::POST, &app.at("/select")).form(&fields);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        assert_eq!(shown(&browser.send(request).await).0, 403, "{headers:?}");
    }
    // In another browser the ticket is a request and nothing else, and its choice counts for nothing.
    let stray = elsewhere.follow(elsewhere.post(&app.at("/select"), &fields).await).await;
    let tokens = rp.redeem(&elsewhere, &stray.answered("code").unwrap(), &[]).await.json();
    assert_eq!(claims(&tokens["id_token"])["sub"], joe.id);
    let tampered = [("ticket", "AAAA"), ("account", ada.id.as_str())];
    assert_eq!(shown(&browser.post(&app.at("/select"), &tampered).await).0, 400);
    let nobody = app.browser();
    assert_eq!(shown(&nobody.post(&app.at("/select"), &fields).await).0, 400, "without cookies");
    for (method, status) in [(Method::PUT, 405), (Method::DELETE, 405)] {
        assert_eq!(shown(&browser.send(browser.request(method, &app.at("/select"))).await).0, status);
    }
    assert_eq!(browser.get(&app.at("/select")).await.location().unwrap().path(), "/");
    // Whoever signed out since cannot be chosen: somebody has to sign in.
    let home = browser.get(&app.at("/")).await;
    assert!(home.body.contains("Sign out of all accounts"), "{}", home.body);
    browser.submit(&home, &[]).await;
    let late = browser.follow(browser.post(&app.at("/select"), &fields).await).await;
    assert_eq!(outcome(&app, &late), Outcome::Login);
    app.finish().await;
}
