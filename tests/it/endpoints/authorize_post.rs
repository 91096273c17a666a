//! `POST /authorize`: a form that another site posted comes without cookies, so it is continued by a GET,
//! which must find what a GET would have found.

use reqwest::Method;
use serde_json::json;
use url::Url;

use super::{Outcome, outcome};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::Rp;

/// Posts as a page of another site would: the browser holds its `SameSite=Lax` cookies back, but sends
/// them with the GET that follows.
async fn post_cross_site(app: &TestApp, browser: &Browser, url: &str) -> Answer {
    let fields: Vec<(String, String)> = Url::parse(url).unwrap().query_pairs().into_owned().collect();
    let without_cookies = app.browser();
    let request = without_cookies.request(Method::POST, &app.at("/authorize")).form(&fields);
    let request = request.header("origin", "https://rp.example").header("sec-fetch-site", "cross-site");
    let answer = without_cookies.send(request).await;
    assert!(!answer.headers.contains_key("set-cookie"), "a POST must not set or replace a cookie");
    assert_eq!(answer.status, 303, "{}", answer.body);
    let next = answer.location().unwrap();
    if next.origin() == answer.url.origin() { browser.open(next.as_str()).await } else { answer }
}

#[actix_web::test]
async fn a_post_ends_where_a_get_does() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let known = Rp::new(&app, json!({ "client_name": "Known", "first_party": true })).await;
    let asks = Rp::new(&app, json!({ "client_name": "Asks" })).await;
    let signed_in = app.browser();
    known.code(&signed_in, "ada", &[]).await;
    let nobody = app.browser();
    let login_required = Outcome::error("login_required");
    #[rustfmt::skip]
    let rows: [(&Browser, &Rp, Vec<(&str, Option<&str>)>, Outcome); 12] = [
        (&signed_in, &known, vec![], Outcome::Code),
        (&signed_in, &known, vec![("prompt", Some("none"))], Outcome::Code),
        (&signed_in, &known, vec![("prompt", Some("login"))], Outcome::Login),
        (&signed_in, &known, vec![("max_age", Some("0"))], Outcome::Login),
        (&signed_in, &known, vec![("max_age", Some("0")), ("prompt", Some("none"))], login_required.clone()),
        (&signed_in, &asks, vec![], Outcome::Consent),
        (&signed_in, &asks, vec![("prompt", Some("none"))], Outcome::error("consent_required")),
        (&signed_in, &known, vec![("response_type", Some("token"))], Outcome::error("unsupported_response_type")),
        (&signed_in, &known, vec![("scope", None)], Outcome::error("invalid_scope")),
        (&nobody, &known, vec![], Outcome::Login),
        (&nobody, &asks, vec![], Outcome::Login),
        (&nobody, &known, vec![("prompt", Some("none"))], login_required),
    ];
    for (browser, rp, mut changed, expected) in rows {
        changed.push(("state", Some("a+b %\u{e9}&")));
        let url = rp.authorize(&changed);
        let by_get = browser.get(&url).await;
        assert_eq!(outcome(&app, &by_get), expected, "GET {changed:?}");
        let by_post = post_cross_site(&app, browser, &url).await;
        assert_eq!(outcome(&app, &by_post), expected, "POST {changed:?}");
        if matches!(expected, Outcome::Code | Outcome::Error(_)) {
            assert_eq!(by_post.answered("state").as_deref(), Some("a+b %\u{e9}&"), "{changed:?}");
        }
        // What follows a form is judged as one chain of redirects, so a page has to end it.
        if expected == Outcome::Code {
            assert_eq!(by_post.status, 200, "{changed:?}");
            assert_eq!(
                by_post.header("content-security-policy"),
                "default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
            );
        }
    }
    app.finish().await;
}

/// The ticket between the POST and the GET is nobody's yet: no page acts on it.
#[actix_web::test]
async fn an_unbound_ticket_is_no_sign_in_form() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    browser.open(&rp.authorize(&[])).await;
    let url = Url::parse(&rp.authorize(&[("state", Some("posted"))])).unwrap();
    let fields: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let posted = browser.request(Method::POST, &app.at("/authorize")).form(&fields);
    let next = browser.send(posted).await.location().unwrap();
    let ticket = next.query_pairs().find(|(name, _)| name == "t").unwrap().1.into_owned();
    let fields = [("ticket", ticket.as_str()), ("username", "ada"), ("password", PASSWORD)];
    for path in ["/login", "/consent"] {
        let answer = browser.post(&app.at(path), &fields).await;
        assert!(answer.header("location").contains("/continue?t="), "{path}: {}", answer.body);
        let page = browser.follow(answer).await;
        assert_eq!(
            (outcome(&app, &page), browser.cookie(&app.app.cookies.session)),
            (Outcome::Login, None),
            "{path}"
        );
    }
    let page = browser.open(next.as_str()).await;
    let back = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(back.answered("state").as_deref(), Some("posted"), "bound by the GET, it is as good as any");
    app.finish().await;
}

#[actix_web::test]
async fn a_posted_request_can_be_signed_in_to_and_redeemed() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let page = post_cross_site(&app, &browser, &rp.authorize(&[])).await;
    let fields = [("username", "ada"), ("password", PASSWORD)];
    let back = browser.submit(&page, &fields).await;
    let tokens = rp.redeem(&browser, &back.answered("code").unwrap(), &[]).await.json();
    assert_eq!(crate::support::rp::claims(&tokens["id_token"])["sub"], ada.id);
    app.finish().await;
}

/// Nobody's cookie is touched by a stranger's form: a page that is open stays good.
#[actix_web::test]
async fn a_form_of_a_stranger_voids_no_open_page() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let open = browser.open(&rp.authorize(&[])).await;
    let cookie = browser.cookie(&app.app.cookies.browser).unwrap();
    let stranger = post_cross_site(&app, &browser, &rp.authorize(&[("state", Some("theirs"))])).await;
    assert_eq!(outcome(&app, &stranger), Outcome::Login);
    assert_eq!(browser.cookie(&app.app.cookies.browser).unwrap(), cookie);
    let back = browser.submit(&open, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!((outcome(&app, &back), back.answered("state").as_deref()), (Outcome::Code, Some("a-state")));
    app.finish().await;
}
