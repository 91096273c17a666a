//! `/login`: who may post the form, whose ticket is acted on, and what a wrong password is told.
//!
//! Holds `pages/login/view.rs`, `password.rs`, `web/browser/origin.rs`.

use countersign::store::users::{self, Change};
use reqwest::Method;
use serde_json::json;
use time::Duration;

use super::{Outcome, outcome, shown};
use crate::support::TEST;
use crate::support::app::{PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::Rp;

/// The ticket in a page's form.
fn ticket(page: &Answer) -> String {
    page.form().fields.into_iter().find(|(name, _)| name == "ticket").expect("a ticket").1
}

/// Posts the form with headers of one's own, and does not follow.
async fn post(app: &TestApp, browser: &Browser, ticket: &str, headers: &[(&str, &str)]) -> Answer {
    let fields = [("ticket", ticket), ("username", "ada"), ("password", PASSWORD)];
    let request = browser.request(Method::POST, &app.at("/login")).form(&fields);
    browser.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[actix_web::test]
async fn only_our_own_page_may_send_the_form() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let ours = app.issuer.clone();
    let longer = format!("{ours}0");
    #[rustfmt::skip]
    let rows: [(&[(&str, &str)], bool); 15] = [
        (&[("sec-fetch-site", "same-origin")], true),
        (&[("sec-fetch-site", "none")], true),
        (&[("origin", &ours)], true),
        (&[("sec-fetch-site", "same-origin"), ("origin", &ours)], true),
        (&[("sec-fetch-site", "same-origin"), ("origin", "null")], true),
        (&[("sec-fetch-site", "same-site")], false),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("sec-fetch-site", "cross-site"), ("origin", &ours)], false),
        (&[("sec-fetch-site", "")], false),
        (&[("sec-fetch-site", "nonsense")], false),
        (&[("origin", "https://evil.example")], false),
        (&[("origin", "null")], false),
        (&[("origin", &longer)], false),
        (&[("origin", "")], false),
        (&[], false),
    ];
    for (headers, accepted) in rows {
        let browser = app.browser();
        let page = browser.open(&rp.authorize(&[])).await;
        let answer = post(&app, &browser, &ticket(&page), headers).await;
        if accepted {
            assert_eq!(answer.status, 303, "{headers:?}");
            assert_eq!(outcome(&app, &browser.follow(answer).await), Outcome::Code, "{headers:?}");
        } else {
            assert_eq!(
                shown(&answer),
                (403, "Form came from another site".into(), String::new()),
                "{headers:?}"
            );
            assert_eq!(browser.cookie(&app.app.cookies.session), None, "{headers:?}");
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_ticket_is_good_in_its_own_browser_for_a_day() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let site = json!({ "first_party": true, "client_name": "Notes", "initiate_login_uri": "https://notes.example/in" });
    let rp = Rp::new(&app, site).await;
    let ours = [("sec-fetch-site", "same-origin")];
    let browser = app.browser();
    let page = browser.open(&rp.authorize(&[])).await;
    let good = ticket(&page);

    // Another browser's: never acted on, and worth no more than the address it began with.
    let stranger = app.browser();
    stranger.open(&rp.authorize(&[("state", Some("theirs"))])).await;
    let answer = post(&app, &stranger, &good, &ours).await;
    assert!(answer.header("location").contains("/continue?t="), "{:?}", answer.headers);
    assert!(!answer.headers.contains_key("set-cookie"));
    let again = stranger.follow(answer).await;
    assert_eq!((outcome(&app, &again), stranger.cookie(&app.app.cookies.session)), (Outcome::Login, None));
    assert_ne!(ticket(&again), good);
    let back = stranger.submit(&again, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(back.answered("state").as_deref(), Some("a-state"));

    // Tampered with, wherever it is shown.
    let mut flipped = good.clone().into_bytes();
    let middle = flipped.len() / 2;
    flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    for bad in [&flipped, "", "AAAA", "???", &good[1..], &good[..good.len() - 4], &good.repeat(2)] {
        let title = "Sign-in cannot be continued";
        let posted = post(&app, &browser, bad, &ours).await;
        assert_eq!(shown(&posted), (400, title.into(), String::new()), "POST {bad:?}");
        if !bad.is_empty() {
            for path in ["login", "consent", "continue"] {
                let answer = browser.get(&app.at(&format!("/{path}?t={bad}"))).await;
                assert_eq!(shown(&answer), (400, title.into(), String::new()), "GET {path} {bad:?}");
            }
        }
        assert_eq!(browser.cookie(&app.app.cookies.session), None);
    }

    // A day and an hour later: a page that leads back to the application.
    app.clock.advance(Duration::hours(25));
    let late = browser.follow(post(&app, &browser, &good, &ours).await).await;
    assert_eq!(shown(&late), (400, "Sign-in page is too old".into(), String::new()));
    assert!(late.body.contains("href=\"https://notes.example/in\""), "{}", late.body);
    assert_eq!(browser.cookie(&app.app.cookies.session), None);
    let late = browser.open(&app.at(&format!("/login?t={good}"))).await;
    assert_eq!(shown(&late).1, "Sign-in page is too old");
    app.finish().await;
}

#[actix_web::test]
async fn without_cookies_it_says_so_and_does_not_turn_in_circles() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let mut answer = browser.get(&rp.authorize(&[])).await;
    for _ in 0..10 {
        let Some(to) = answer.location() else { break };
        browser.forget_cookies();
        answer = browser.get(to.as_str()).await;
    }
    assert_eq!(shown(&answer), (400, "Cookies are needed to sign in".into(), String::new()));

    let page = browser.open(&rp.authorize(&[])).await;
    for cookie in ["", "nonsense", "AAAA", "\u{e9}"] {
        browser.forget_cookies();
        if !cookie.is_empty() {
            browser.set_cookie(&app.app.cookies.browser, cookie);
        }
        let answer = post(&app, &browser, &ticket(&page), &[("sec-fetch-site", "same-origin")]).await;
        assert_eq!(
            shown(&answer),
            (400, "Cookies are needed to sign in".into(), String::new()),
            "{cookie:?}"
        );
        assert_eq!(browser.cookie(&app.app.cookies.session), None);
    }
    app.finish().await;
}

#[actix_web::test]
async fn unknown_disabled_and_wrong_are_told_the_same() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let grace = app.user("grace").await;
    let now = app.clock.now();
    users::change(&app.app.db, &grace.id, Change::Disabled(true), TEST, now).await.unwrap();
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let page = browser.open(&rp.authorize(&[])).await;
    let longest = "p".repeat(20_000);
    let mut pages = vec![];
    for (name, password) in [
        ("ada", "wrong-password"),
        ("nobody", PASSWORD),
        ("grace", PASSWORD),
        ("grace", "wrong-password"),
        ("ada", &longest),
        ("ada", "WISTFUL-OTTER-PAINTS-9"),
    ] {
        let answer = browser.submit(&page, &[("username", name), ("password", password)]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text("#problem .alert-title")),
            (422, "User name or password is not right".into())
        );
        assert_eq!(browser.cookie(&app.app.cookies.session), None, "{name}");
        assert!(!answer.body.contains(password), "a password is never sent back");
        // The way to the same page in another language repeats the address, where what was tried is sealed.
        let lines: String = answer.body.lines().filter(|line| !line.contains("hreflang")).collect();
        let body = lines.replace(&format!("value=\"{name}\""), "value=\"NAME\"");
        let mut headers: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        headers.sort();
        pages.push((headers, body));
    }
    pages.dedup();
    assert_eq!(pages.len(), 1, "{:#?}", pages.iter().map(|page| &page.1).collect::<Vec<_>>());

    // The name is folded, the password is not touched beyond its normal form.
    for (at, name) in ["ada", " ADA ", "\u{ff21}da"].into_iter().enumerate() {
        let browser = app.browser();
        let page = browser.open(&rp.authorize(&[])).await;
        let answer = browser.submit(&page, &[("username", name), ("password", PASSWORD)]).await;
        assert_eq!(outcome(&app, &answer), Outcome::Code, "{at}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn what_is_missing_is_marked_and_cancel_goes_back() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "client_name": "Notes", "policy_uri": "https://notes.example/p", "tos_uri": "https://notes.example/t" })).await;
    let browser = app.browser();
    let page = browser.open(&rp.authorize(&[])).await;
    assert_eq!(page.text("h1"), "Sign in to Notes");
    for link in ["https://notes.example/p", "https://notes.example/t"] {
        assert!(page.body.contains(&format!("href=\"{link}\"")), "{link}");
    }
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self'") && policy.contains("default-src 'none'"), "{policy}");
    assert_eq!(
        page.header("referrer-policy"),
        "same-origin",
        "or our own forms would come without an origin"
    );
    assert!(!page.headers.contains_key("cross-origin-opener-policy"));
    for (fields, field) in [
        (vec![("username", ""), ("password", "")], "#username-problem"),
        (vec![("username", "  "), ("password", "x")], "#username-problem"),
        (vec![("username", "ada"), ("password", "")], "#password-problem"),
        (vec![("username", "ada")], "#password-problem"),
    ] {
        let answer = browser.submit(&page, &fields).await;
        assert_eq!((answer.status.as_u16(), answer.text(field).is_empty()), (422, false), "{fields:?}");
    }
    let cancelled = browser.submit(&page, &[("decision", "cancel")]).await;
    assert_eq!(outcome(&app, &cancelled), Outcome::error("access_denied"));
    assert_eq!((cancelled.status.as_u16(), cancelled.answered("state").as_deref()), (200, Some("a-state")));

    for (method, status, allow) in
        [(Method::PUT, 405, "GET, HEAD, POST"), (Method::DELETE, 405, "GET, HEAD, POST")]
    {
        for path in ["/login", "/consent", "/signed-out"] {
            let answer = browser.send(browser.request(method.clone(), &app.at(path))).await;
            assert_eq!((shown(&answer).0, answer.header("allow")), (status, allow), "{path}");
        }
    }
    for path in ["/login", "/consent", "/signed-out"] {
        let request = browser.request(Method::POST, &app.at(path)).header("sec-fetch-site", "same-origin");
        let answer = browser.send(request.header("content-type", "text/plain").body("x")).await;
        assert_eq!(shown(&answer).0, 415, "{path}");
        let request = browser.request(Method::POST, &app.at(path)).header("sec-fetch-site", "same-origin");
        let answer = browser.send(request.form(&[("x", "a".repeat(70_000))])).await;
        assert_eq!(shown(&answer).0, 413, "{path}");
    }
    // Opened by hand, without a request: the front page.
    for path in ["/login", "/consent"] {
        let answer = browser.get(&app.at(path)).await;
        assert_eq!(answer.location().unwrap().path(), "/", "{path}");
    }
    app.finish().await;
}

/// The cookie of before a sign-in answers a few seconds more, for tabs that were under way; but whoever
/// planted it must gain nothing from the person who has just signed in.
#[actix_web::test]
async fn the_cookie_of_before_sees_only_who_was_there_before() {
    let app = TestApp::start().await;
    app.user("mallory").await;
    let ada = app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let planted = app.browser();
    rp.code(&planted, "mallory", &[]).await;
    let victim = planted.fork();
    let reauthenticate = rp.authorize(&[("prompt", Some("login"))]);
    let page = victim.open(&reauthenticate).await;
    let code =
        victim.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await.answered("code").unwrap();
    let hers = rp.redeem(&victim, &code, &[]).await.json();
    assert_eq!(crate::support::rp::claims(&hers["id_token"])["sub"], ada.id);
    assert_ne!(victim.cookie(&app.app.cookies.session), planted.cookie(&app.app.cookies.session));

    let home = planted.get(&app.at("/")).await;
    assert!(home.body.contains("mallory") && !home.body.contains("ada Example"), "{}", home.body);
    let silent = rp.authorize(&[("prompt", Some("none"))]);
    let code = planted.get(&silent).await.answered("code").unwrap();
    let old = rp.redeem(&planted, &code, &[]).await.json();
    assert_ne!(crate::support::rp::claims(&old["id_token"])["sub"], ada.id);

    // Signing in with the old cookie must not lead into the new record.
    let thief = planted.fork();
    let page = thief.open(&reauthenticate).await;
    thief.submit(&page, &[("username", "mallory"), ("password", PASSWORD)]).await;
    let home = thief.get(&app.at("/")).await;
    assert!(home.body.contains("mallory") && !home.body.contains("ada Example"), "{}", home.body);
    let hint = hers["id_token"].as_str();
    let about_her = rp.authorize(&[("prompt", Some("none")), ("id_token_hint", hint)]);
    assert_eq!(outcome(&app, &victim.get(&about_her).await), Outcome::Code, "and she stays signed in");
    assert!(victim.get(&app.at("/")).await.body.contains("ada Example"));

    app.clock.advance(Duration::seconds(11));
    assert_eq!(outcome(&app, &planted.get(&silent).await), Outcome::error("login_required"));
    assert_eq!(outcome(&app, &victim.get(&about_her).await), Outcome::Code);
    app.finish().await;
}

/// A hint that names a person by address is one that works, and so is the address itself.
#[actix_web::test]
async fn a_verified_address_signs_in() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    for login in ["grace", "hugo"] {
        app.user_with(login, json!({ "email": "team@example.com", "email_verified": true })).await;
    }
    app.user_with("eve", json!({ "email": "eve@example.com", "email_verified": false })).await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    for hint in ["ada@example.com", "ADA@Example.com", "ada"] {
        let browser = app.browser();
        let page = browser.open(&rp.authorize(&[("login_hint", Some(hint))])).await;
        let fields = page.form().fields;
        assert!(fields.contains(&("username".into(), hint.into())), "{fields:?}");
        let back = browser.submit(&page, &[("password", PASSWORD)]).await;
        let token = rp.redeem(&browser, &back.answered("code").expect(hint), &[]).await;
        let access = token.json()["access_token"].as_str().unwrap().to_owned();
        let told = browser.send(browser.request(Method::GET, &app.at("/userinfo")).bearer_auth(access)).await;
        assert_eq!(told.json()["sub"], json!(ada.id), "{hint}");
    }
    let browser = app.browser();
    let page = browser.open(&rp.authorize(&[])).await;
    for none in ["team@example.com", "eve@example.com", "nobody@example.com"] {
        let answer = browser.submit(&page, &[("username", none), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, 422, "{none}");
    }
    app.finish().await;
}
