//! `response_mode=form_post`: success and errors alike travel in a form that the browser posts, and nothing
//! in an address.
//!
//! Holds `web/answer.rs`, `web/reply.rs`.

use countersign::config::Completion;
use reqwest::Method;
use serde_json::json;

use super::{Outcome, outcome};
use crate::support::app::{Options, PASSWORD, REDIRECT, TestApp};
use crate::support::browser::Answer;
use crate::support::rp::{Rp, claims};

const POSTED: (&str, Option<&str>) = ("response_mode", Some("form_post"));
const HOSTILE: &str = "\"><script>alert(1)</script>&amp;+ \u{e9}";

/// Checks that an answer is the page that posts, and what the page may do; answers where it posts to.
fn posted_to(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let form = answer.form_post().unwrap_or_else(|| panic!("no form: {} {}", answer.url, answer.body));
    let policy = answer.header("content-security-policy");
    assert!(!policy.contains("form-action"), "whatever it allows is held against redirects: {policy}");
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(policy.contains("base-uri 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("location").is_empty());
    assert!(!answer.body.contains("<script>alert"), "{}", answer.body);
    form.action
}

#[actix_web::test]
async fn success_and_errors_are_posted_straight_from_the_request() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let with_query = format!("{REDIRECT}?at=home");
    let native = "com.example.app:/cb";
    let metadata = json!({ "first_party": true, "application_type": "native",
        "redirect_uris": [REDIRECT, with_query, native] });
    let rp = Rp::new(&app, metadata).await;
    let asks = Rp::new(&app, json!({})).await;
    let (browser, nobody) = (app.browser(), app.browser());
    rp.code(&browser, "ada", &[]).await;
    let silent = ("prompt", Some("none"));
    let error = Outcome::error;
    #[rustfmt::skip]
    let rows: Vec<(&str, &_, Vec<(&str, Option<&str>)>, Outcome)> = vec![
        ("code", &browser, vec![], Outcome::Code),
        ("silent code", &browser, vec![silent], Outcome::Code),
        ("nobody", &nobody, vec![silent], error("login_required")),
        ("response_type missing", &nobody, vec![("response_type", None)], error("invalid_request")),
        ("another response_type", &nobody, vec![("response_type", Some("token"))], error("unsupported_response_type")),
        ("scope missing", &nobody, vec![("scope", None)], error("invalid_scope")),
        ("request", &nobody, vec![("request", Some("x"))], error("request_not_supported")),
        ("challenge missing", &nobody, vec![("code_challenge", None)], error("invalid_request")),
        ("a bad hint", &nobody, vec![("id_token_hint", Some("x"))], error("invalid_request")),
    ];
    for (what, browser, mut changed, expected) in rows {
        changed.extend([POSTED, ("state", Some(HOSTILE))]);
        let answer = browser.get(&rp.authorize(&changed)).await;
        assert_eq!(outcome(&app, &answer), expected, "{what}");
        assert_eq!(posted_to(&answer), REDIRECT, "{what}");
        assert_eq!(answer.answered("state").as_deref(), Some(HOSTILE), "{what}");
    }
    let required = browser.get(&asks.authorize(&[POSTED, silent])).await;
    assert_eq!(
        (outcome(&app, &required), posted_to(&required)),
        (error("consent_required"), REDIRECT.into())
    );
    let kept = browser.get(&rp.authorize(&[POSTED, ("redirect_uri", Some(&with_query))])).await;
    assert_eq!(posted_to(&kept), with_query, "a registered query stays, and nothing is added");
    assert!(kept.answered("code").is_some());
    // A request that was posted and is at fault is answered at once.
    let fields =
        [("client_id", rp.client_id.as_str()), ("redirect_uri", REDIRECT), ("response_mode", "form_post")];
    let request = nobody.request(Method::POST, &app.at("/authorize")).form(&fields);
    let answer = nobody.send(request).await;
    assert_eq!((outcome(&app, &answer), posted_to(&answer)), (error("invalid_request"), REDIRECT.into()));

    // A mode that cannot be had is told in the query.
    for changed in [
        vec![("response_mode", Some("fragment"))],
        vec![("response_mode", Some("query.jwt"))],
        vec![POSTED, ("redirect_uri", Some(native))],
    ] {
        let answer = browser.get(&rp.authorize(&changed)).await;
        assert_eq!(answer.status, 303, "{changed:?}");
        assert_eq!(answer.answered("error").as_deref(), Some("invalid_request"), "{changed:?}");
    }
    let twice = browser.get(&(rp.authorize(&[POSTED]) + "&response_mode=query")).await;
    assert_eq!((twice.status.as_u16(), outcome(&app, &twice)), (303, error("invalid_request")));
    // Without a proven place there is no form to send anything by.
    let stranger =
        browser.get(&rp.authorize(&[POSTED, ("redirect_uri", Some("https://evil.example/"))])).await;
    assert_eq!((outcome(&app, &stranger), stranger.form_post().is_some()), (Outcome::Page(400), false));
    app.finish().await;
}

#[actix_web::test]
async fn the_pages_end_with_the_form_whatever_the_completion() {
    for completion in [Completion::Interstitial, Completion::Redirect] {
        let adjust: fn(&mut countersign::config::Config) = match completion {
            Completion::Interstitial => |_| (),
            Completion::Redirect => |config| config.completion = Completion::Redirect,
        };
        let app = TestApp::start_with(Options { adjust, ..Options::default() }).await;
        let ada = app.user("ada").await;
        let rp = Rp::new(&app, json!({})).await;
        let browser = app.browser();

        let page = browser.open(&rp.authorize(&[POSTED])).await;
        let cancelled = browser.submit(&page, &[("decision", "cancel")]).await;
        assert_eq!(outcome(&app, &cancelled), Outcome::error("access_denied"));
        assert_eq!(posted_to(&cancelled), REDIRECT);

        let page = browser.open(&rp.authorize(&[POSTED])).await;
        let consent = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
        let denied = browser.submit(&consent, &[("decision", "deny")]).await;
        assert_eq!(
            (outcome(&app, &denied), posted_to(&denied)),
            (Outcome::error("access_denied"), REDIRECT.into())
        );

        let page = browser.open(&rp.authorize(&[POSTED])).await;
        let allowed = browser.submit(&page, &[("decision", "allow")]).await;
        assert_eq!((outcome(&app, &allowed), posted_to(&allowed)), (Outcome::Code, REDIRECT.into()));
        let tokens = rp.redeem(&browser, &allowed.answered("code").unwrap(), &[]).await.json();
        assert_eq!(claims(&tokens["id_token"])["sub"], ada.id);

        // What is found out only after the pages is posted as well.
        let page = browser.open(&rp.authorize(&[POSTED, ("prompt", Some("login"))])).await;
        let late = page.url.as_str().replace("/login?", "/continue?");
        app.user("eve").await;
        let hint = tokens["id_token"].as_str().unwrap();
        let hinted = browser
            .open(&rp.authorize(&[POSTED, ("prompt", Some("login")), ("id_token_hint", Some(hint))]))
            .await;
        let other = browser.submit(&hinted, &[("username", "eve"), ("password", PASSWORD)]).await;
        assert_eq!(
            (outcome(&app, &other), posted_to(&other)),
            (Outcome::error("login_required"), REDIRECT.into())
        );
        assert_eq!(outcome(&app, &browser.open(&late).await), Outcome::Select, "two are here by now");
        app.finish().await;
    }
}
