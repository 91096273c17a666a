//! `/` and `/signed-out`: who is signed in here, which applications there are, and signing out.

use actix_web::test::TestRequest;
use countersign::secret::base64url;
use countersign::state::sessions::Authentication;
use countersign::web::browser::Browser;
use reqwest::Method;
use serde_json::json;

use super::{Outcome, outcome, shown};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::rp::Rp;

#[actix_web::test]
async fn it_shows_who_is_here_and_to_nobody_else_what_there_is() {
    let app = TestApp::start().await;
    let empty = app.browser().get(&app.at("/")).await;
    assert_eq!((empty.status.as_u16(), empty.text("h1")), (200, "Nobody is signed in here".into()));
    assert!(empty.body.contains("countersign client add"), "somebody has just installed this");

    app.user("ada").await;
    app.user("grace").await;
    let rp = Rp::new(
        &app,
        json!({ "client_name": "Field Notes", "first_party": true, "client_uri": "https://notes.example/" }),
    )
    .await;
    Rp::new(&app, json!({ "client_name": "Backstage" })).await;
    let browser = app.browser();
    let nobody = browser.get(&app.at("/")).await;
    assert!(!nobody.body.contains("Field Notes") && !nobody.body.contains("client add"), "{}", nobody.body);
    rp.code(&browser, "ada", &[]).await;
    rp.sign_in(&browser, "grace", &[("prompt", Some("login"))]).await;
    let home = browser.get(&app.at("/")).await;
    assert_eq!(home.text("h1"), "You are signed in");
    for text in ["ada Example", "grace Example", "Field Notes", "href=\"https://notes.example/\""] {
        assert!(home.body.contains(text), "{text}: {}", home.body);
    }
    assert!(!home.body.contains("Backstage"), "an application without a page cannot be opened");
    assert_eq!((home.header("cache-control"), home.header("referrer-policy")), ("no-store", "same-origin"));

    let out = browser.submit(&home, &[]).await;
    assert_eq!((out.url.path(), out.text("h1")), ("/signed-out", "You are signed out".into()));
    assert_eq!(browser.cookie(&app.app.cookies.session), None);
    let silent = browser.get(&rp.authorize(&[("prompt", Some("none"))])).await;
    assert_eq!(outcome(&app, &silent), Outcome::error("login_required"));
    let again = browser.submit(&home, &[]).await;
    assert_eq!(again.text("h1"), "You are signed out", "twice is once");
    app.finish().await;
}

/// A page signs out those it was shown for, and nobody who came since.
#[actix_web::test]
async fn a_page_signs_out_those_it_was_shown_for() {
    let app = TestApp::start().await;
    for login in ["ada", "eve"] {
        app.user(login).await;
    }
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;
    let first = browser.get(&app.at("/")).await;
    browser.submit(&first, &[]).await;
    rp.code(&browser, "ada", &[]).await;
    let second = browser.get(&app.at("/")).await;
    assert_ne!(first.form().fields, second.form().fields, "the same person in the same browser");
    let refused = browser.submit(&first, &[]).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("open it again"), "{}", refused.body);
    // Signing in anew keeps the session, and the page that is open with it.
    rp.code(&browser, "ada", &[("prompt", Some("login"))]).await;
    assert_eq!(browser.get(&app.at("/")).await.form().fields, second.form().fields);
    let page = browser.open(&rp.authorize(&[("prompt", Some("login"))])).await;
    browser.submit(&page, &[("username", "eve"), ("password", PASSWORD)]).await;
    let both = browser.get(&app.at("/")).await;
    assert!(both.body.contains("ada Example") && both.body.contains("eve Example"), "{}", both.body);
    let home = browser.submit(&second, &[]).await;
    assert!(!home.body.contains("ada Example") && home.body.contains("eve Example"), "eve was not on it");
    assert_eq!(browser.submit(&second, &[]).await.status, 403, "and now it is of nobody who is here");
    // A page of both is good for the one who is left.
    assert_eq!(browser.submit(&both, &[]).await.text("h1"), "You are signed out");
    assert_eq!(browser.get(&app.at("/")).await.text("h1"), "Nobody is signed in here");
    app.finish().await;
}

#[actix_web::test]
async fn signing_out_needs_our_own_page_in_this_browser() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;
    let home = browser.get(&app.at("/")).await;
    let csrf = home.form().fields.into_iter().find(|(name, _)| name == "csrf").unwrap().1;
    let strangers = app.browser();
    let theirs = strangers.get(&app.at("/")).await;
    assert!(theirs.body.contains("Nobody is signed in here"));
    rp.code(&strangers, "ada", &[]).await;
    let theirs = strangers.get(&app.at("/")).await.form().fields[0].1.clone();
    assert_ne!(theirs, csrf);
    let cut = &csrf[..csrf.len() - 1];
    #[rustfmt::skip]
    let rows: [(&[(&str, &str)], &str); 9] = [
        (&[("sec-fetch-site", "cross-site")], &csrf),
        (&[("sec-fetch-site", "same-site")], &csrf),
        (&[("origin", "https://evil.example")], &csrf),
        (&[("origin", "null")], &csrf),
        (&[], &csrf),
        (&[("sec-fetch-site", "same-origin")], ""),
        (&[("sec-fetch-site", "same-origin")], "forged"),
        (&[("sec-fetch-site", "same-origin")], cut),
        (&[("sec-fetch-site", "same-origin")], &theirs),
    ];
    for (headers, csrf) in rows {
        let request = browser.request(Method::POST, &app.at("/signed-out")).form(&[("csrf", csrf)]);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = browser.send(request).await;
        assert_eq!(
            shown(&answer),
            (403, "Form came from another site".into(), String::new()),
            "{headers:?} {csrf}"
        );
        let silent = browser.get(&rp.authorize(&[("prompt", Some("none"))])).await;
        assert_eq!(outcome(&app, &silent), Outcome::Code, "{headers:?}");
    }
    // Where to go afterwards is sealed: another browser's, or a forged one, leads nowhere.
    let answer =
        browser.post(&app.at("/signed-out"), &[("csrf", &csrf), ("then", "https://evil.example")]).await;
    assert_eq!(answer.location().unwrap().path(), "/signed-out");
    app.finish().await;
}

/// A session opens in its own browser alone, so that a form's token is bound to the browser is seen from inside only.
#[actix_web::test]
async fn a_token_for_one_browser_is_none_for_another() {
    let app = TestApp::start().await;
    let (now, sessions) = (app.clock.now(), &app.app.state.sessions);
    let [own, other] = [[1; 16], [2; 16]].map(|id: [u8; 16]| {
        let cookie = format!("{}={}", app.app.cookies.browser, base64url(&id));
        let request = TestRequest::default().insert_header(("cookie", cookie)).to_http_request();
        Browser::of(&request, &app.app).unwrap()
    });
    let login = Authentication {
        user_id: "ada".into(),
        browser: own.binding(),
        acr: "1".into(),
        amr: vec![],
        remember: false,
    };
    let begun = sessions.begin(None, &login, now).await.unwrap();
    let session = sessions.open(&begun.cookie, &own.binding(), now).await.unwrap().unwrap();
    let token = own.csrf_tokens(&app.app, &session, "a purpose");
    let shown_for = |browser: &Browser, purpose| {
        browser.shown_for(&app.app, &session, purpose, Some(&token)).map_or(0, |shown| shown.len())
    };
    assert_eq!(shown_for(&own, "a purpose"), 1);
    assert_eq!(shown_for(&other, "a purpose"), 0);
    assert_eq!(shown_for(&own, "another purpose"), 0);
    app.finish().await;
}
