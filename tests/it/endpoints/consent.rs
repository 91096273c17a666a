//! `/consent`: Allow applies to exactly what was displayed, to whom it was displayed.
//!
//! Holds `pages/consent.rs`.

use reqwest::Method;
use serde_json::json;
use time::Duration;

use super::{Outcome, outcome, shown};
use crate::support::app::{API, PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::Rp;

/// Signs in up to the consent page.
async fn asked(rp: &Rp<'_>, browser: &Browser, login: &str, changed: &[(&str, Option<&str>)]) -> Answer {
    let mut page = browser.open(&rp.authorize(changed)).await;
    if page.url.path().ends_with("/login") {
        page = browser.submit(&page, &[("username", login), ("password", PASSWORD)]).await;
    }
    assert_eq!(outcome(rp.app, &page), Outcome::Consent, "{}", page.body);
    page
}

async fn silent(rp: &Rp<'_>, browser: &Browser, scope: &str) -> Outcome {
    let url = rp.authorize(&[("prompt", Some("none")), ("scope", Some(scope))]);
    outcome(rp.app, &browser.get(&url).await)
}

#[actix_web::test]
async fn it_asks_in_words_and_remembers_the_answer() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp =
        Rp::new(&app, json!({ "client_name": "Notes", "scope": "openid email profile balances.read" })).await;
    let browser = app.browser();
    let required = || Outcome::error("consent_required");
    let page = asked(&rp, &browser, "ada", &[("scope", Some("email openid"))]).await;
    assert!(page.text(".scopes").starts_with("Recognise you"), "{}", page.text(".scopes"));
    assert_eq!(page.text("h1"), "Allow Notes to use your account?");
    assert!(page.text(".person").contains("ada Example"));
    assert!(page.text(".scopes").contains("See your e-mail address"));
    assert!(!page.text(".scopes").contains("See your profile"));
    assert_eq!(page.header("referrer-policy"), "same-origin");

    let denied = browser.submit(&page, &[("decision", "deny")]).await;
    assert_eq!(outcome(&app, &denied), Outcome::error("access_denied"));
    assert_eq!(denied.answered("state").as_deref(), Some("a-state"));
    assert_eq!(silent(&rp, &browser, "openid email").await, required());

    for neither in [&[("decision", "")][..], &[("decision", "maybe")], &[]] {
        let again = browser.submit(&page, neither).await;
        assert_eq!(outcome(&app, &again), Outcome::Consent, "{neither:?}");
    }
    let allowed = browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!(outcome(&app, &allowed), Outcome::Code);
    assert_eq!(silent(&rp, &browser, "openid email").await, Outcome::Code);
    assert_eq!(silent(&rp, &browser, "openid").await, Outcome::Code, "less than was allowed");
    assert_eq!(silent(&rp, &browser, "openid email profile").await, required(), "more than was allowed");
    // Another browser, another session: it is the person who consented.
    let elsewhere = app.browser();
    let other = Rp::new(&app, json!({ "first_party": true })).await;
    other.code(&elsewhere, "ada", &[]).await;
    assert_eq!(silent(&rp, &elsewhere, "openid email").await, Outcome::Code);
    // What was allowed adds up; a resource is asked for by itself.
    let page = asked(&rp, &browser, "ada", &[("scope", Some("openid profile"))]).await;
    browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!(silent(&rp, &browser, "openid email profile").await, Outcome::Code);
    let with_api = [("scope", Some("openid balances.read")), ("resource", Some(API))];
    let page = asked(&rp, &browser, "ada", &with_api).await;
    assert!(page.text(".scopes").contains("See your balances"), "{}", page.text(".scopes"));
    let in_german = [&with_api[..], &[("ui_locales", Some("de"))]].concat();
    let page = asked(&rp, &browser, "ada", &in_german).await;
    assert!(page.text(".scopes").contains("Ihre Kontostände sehen"), "{}", page.text(".scopes"));
    // prompt=consent asks although everything is allowed.
    let page = asked(&rp, &browser, "ada", &[("prompt", Some("consent"))]).await;
    assert_eq!(outcome(&app, &browser.submit(&page, &[("decision", "allow")]).await), Outcome::Code);
    // A year without use is enough.
    let used = app.browser();
    app.clock.advance(Duration::days(366));
    other.code(&used, "ada", &[]).await;
    assert_eq!(silent(&rp, &used, "openid email").await, required());
    app.finish().await;
}

#[actix_web::test]
async fn only_our_own_page_in_the_same_browser_may_answer() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({})).await;
    let browser = app.browser();
    let page = asked(&rp, &browser, "ada", &[]).await;
    let ticket = page.form().fields.into_iter().find(|(name, _)| name == "ticket").unwrap().1;
    let required = || Outcome::error("consent_required");
    let fields = [("ticket", ticket.as_str()), ("decision", "allow")];
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[],
    ] {
        let request = browser.request(Method::POST, &app.at("/consent")).form(&fields);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        assert_eq!(shown(&browser.send(request).await).0, 403, "{headers:?}");
        assert_eq!(silent(&rp, &browser, "openid").await, required(), "{headers:?}");
    }
    // Another browser in which the same person is signed in.
    let elsewhere = app.browser();
    asked(&rp, &elsewhere, "ada", &[]).await;
    let answer = elsewhere.follow(elsewhere.post(&app.at("/consent"), &fields).await).await;
    assert_eq!(outcome(&app, &answer), Outcome::Consent, "asked afresh");
    assert_eq!(silent(&rp, &elsewhere, "openid").await, required());
    // The same browser without its session.
    let signed_out = browser.fork();
    signed_out.set_cookie(&app.app.cookies.session, "gone");
    let answer = signed_out.follow(signed_out.post(&app.at("/consent"), &fields).await).await;
    assert_eq!(outcome(&app, &answer), Outcome::Login);
    assert_eq!(silent(&rp, &browser, "openid").await, required());
    // The sign-in page's ticket displayed nothing, so nothing can be allowed with it.
    let fresh = app.browser();
    let login = fresh.open(&rp.authorize(&[])).await;
    let early = login.form().fields.into_iter().find(|(name, _)| name == "ticket").unwrap().1;
    fresh.submit(&login, &[("username", "ada"), ("password", PASSWORD)]).await;
    let early = [("ticket", early.as_str()), ("decision", "allow")];
    let answer = fresh.follow(fresh.post(&app.at("/consent"), &early).await).await;
    assert_eq!(outcome(&app, &answer), Outcome::Consent);
    assert_eq!(silent(&rp, &fresh, "openid").await, required());

    let answer = browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!(outcome(&app, &answer), Outcome::Code, "and all the while the page was good");
    app.finish().await;
}

/// The account was changed in another tab between reading and answering.
#[actix_web::test]
async fn allowing_for_one_person_records_nothing_for_another() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let grace = app.user("grace").await;
    let rp = Rp::new(&app, json!({})).await;
    let own = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let page = asked(&rp, &browser, "ada", &[]).await;
    assert!(page.text(".person").contains("ada Example"));
    // auth_time counts seconds: the later one must be later.
    app.clock.advance(Duration::seconds(2));
    own.sign_in(&browser, "grace", &[("prompt", Some("login"))]).await;
    // The ticket was made for who signed in for it; but a request that found somebody signed in follows.
    let answer = browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!(outcome(&app, &answer), Outcome::Code, "this ticket is of ada's own sign-in");

    let other = Rp::new(&app, json!({})).await;
    let browser = app.browser();
    own.code(&browser, "grace", &[]).await;
    let page = asked(&other, &browser, "grace", &[]).await;
    assert!(page.text(".person").contains("grace Example"), "{}", page.body);
    app.clock.advance(Duration::seconds(2));
    own.sign_in(&browser, "ada", &[("prompt", Some("login"))]).await;
    let answer = browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!(outcome(&app, &answer), Outcome::Select, "asked again, who it is about now");
    let answer = browser.submit(&answer, &[("account", &ada.id)]).await;
    assert!(answer.text(".person").contains("ada Example"), "{}", answer.body);
    for login in ["ada", "grace"] {
        let elsewhere = app.browser();
        own.code(&elsewhere, login, &[]).await;
        let refused = silent(&other, &elsewhere, "openid").await;
        assert_eq!(refused, Outcome::error("consent_required"), "{login}");
    }
    // "Use another account" leads to the choice, whose person is then asked.
    let switch = scraper::Html::parse_document(&answer.body);
    let switch = switch.select(&scraper::Selector::parse("a.switch").unwrap()).next().unwrap();
    let switch = answer.url.join(switch.value().attr("href").unwrap()).unwrap();
    let choice = browser.open(switch.as_str()).await;
    assert_eq!(outcome(&app, &choice), Outcome::Select);
    let page = browser.submit(&choice, &[("account", &grace.id)]).await;
    assert!(page.text(".person").contains("grace Example"), "{}", page.body);
    let answer = browser.submit(&page, &[("decision", "allow")]).await;
    let tokens = other.redeem(&browser, &answer.answered("code").unwrap(), &[]).await.json();
    assert_eq!(crate::support::rp::claims(&tokens["id_token"])["sub"], grace.id);
    app.finish().await;
}
