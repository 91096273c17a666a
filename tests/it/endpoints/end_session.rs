//! `/end_session`: who is believed, who is asked, and where the way leads afterwards.

use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::hint::{forgeries, signed_by_us};
use super::{Outcome, names, outcome, shown};
use crate::support::app::{Options, PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::{Rp, claims};

const AFTER: &str = "https://app.example/bye";
const WITH_QUERY: &str = "https://app.example/bye?from=op";

/// What a logout request led to.
#[derive(Debug, PartialEq, Eq)]
enum Left {
    /// Signed out, and sent to the application.
    Away(String),
    /// Signed out, and told so.
    Told,
    /// Signed out, and told so with the reason why the way does not lead back.
    Stayed(&'static str),
    /// Asked first.
    Asked,
}

fn left(answer: &Answer) -> Left {
    if let Some(to) = answer.location() {
        assert_eq!(answer.header("cache-control"), "no-store");
        return Left::Away(to.into());
    }
    let reasons = [
        ("unregistered", "an address that is not registered for it, so you stay here"),
        ("unnamed", "without saying which application it is, so you stay here"),
        ("unclear", "in a way that is not clear, so you stay here"),
    ];
    let stayed = reasons.into_iter().find(|(_, words)| answer.body.contains(words)).map(|(name, _)| name);
    match (answer.status.as_u16(), answer.text("h1").as_str()) {
        (200, "You are signed out") => stayed.map_or(Left::Told, Left::Stayed),
        (200, "Sign out?") => Left::Asked,
        other => panic!("{other:?} {}", answer.body),
    }
}

fn url(app: &TestApp, params: &[(&str, &str)]) -> String {
    let mut url = url::Url::parse(&app.at("/end_session")).unwrap();
    if !params.is_empty() {
        url.query_pairs_mut().extend_pairs(params);
    }
    url.into()
}

async fn is_signed_in(app: &TestApp, rp: &Rp<'_>, browser: &Browser) -> bool {
    match outcome(app, &browser.get(&rp.authorize(&[("prompt", Some("none"))])).await) {
        Outcome::Code => true,
        Outcome::Error(error) if error == "login_required" => false,
        other => panic!("{other:?}"),
    }
}

async fn client(app: &TestApp) -> Rp<'_> {
    Rp::new(app, json!({ "first_party": true, "post_logout_redirect_uris": [AFTER, WITH_QUERY] })).await
}

/// A browser with somebody signed in, and that client's ID Token.
async fn signed_in(app: &TestApp, rp: &Rp<'_>, login: &str) -> (Browser, Value) {
    let browser = app.browser();
    let tokens = rp.tokens(&browser, login, &[]).await;
    (browser, tokens)
}

#[actix_web::test]
async fn a_hint_of_this_session_signs_out_without_a_question() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = client(&app).await;
    let state = "s+%\u{e9}&=".repeat(16);
    let encoded: String = url::form_urlencoded::byte_serialize(state.as_bytes()).collect();
    let id = rp.client_id.as_str();
    let (redirect, with_query) =
        (("post_logout_redirect_uri", AFTER), ("post_logout_redirect_uri", WITH_QUERY));
    #[rustfmt::skip]
    let rows: [(&str, Vec<(&str, &str)>, Left); 8] = [
        ("redirect and state", vec![redirect, ("state", &state)], Left::Away(format!("{AFTER}?state={encoded}"))),
        ("redirect without state", vec![redirect], Left::Away(AFTER.into())),
        ("an empty state", vec![redirect, ("state", "")], Left::Away(AFTER.into())),
        ("a registered query", vec![with_query, ("state", "s")], Left::Away(format!("{WITH_QUERY}&state=s"))),
        ("no redirect", vec![], Left::Told),
        ("no redirect, state", vec![("state", "s")], Left::Told),
        ("client_id agrees", vec![redirect, ("client_id", id)], Left::Away(AFTER.into())),
        ("what is unknown", vec![redirect, ("x", "1"), ("x", "1"), ("logout_hint", "ada")], Left::Away(AFTER.into())),
    ];
    for by_post in [false, true] {
        for (what, params, expected) in &rows {
            let (browser, tokens) = signed_in(&app, &rp, "ada").await;
            let mut params = params.clone();
            params.push(("id_token_hint", tokens["id_token"].as_str().unwrap()));
            let answer = if by_post {
                post_cross_site(&app, &browser, &params).await
            } else {
                browser.open(&url(&app, &params)).await
            };
            assert_eq!(left(&answer), *expected, "{what}");
            if let Left::Away(_) = expected {
                let state = names(&answer.location().unwrap()).contains(&"state".to_owned());
                assert_eq!(state, params.iter().any(|(name, value)| *name == "state" && !value.is_empty()));
            }
            assert_eq!(browser.cookie(&app.app.cookies.session), None, "{what}: the cookie is taken back");
            assert!(!is_signed_in(&app, &rp, &browser).await, "{what}");
        }
    }
    app.finish().await;
}

/// As another site would: without cookies, which then come with the GET that follows.
async fn post_cross_site(app: &TestApp, browser: &Browser, params: &[(&str, &str)]) -> Answer {
    let without_cookies = app.browser();
    let request = without_cookies.request(Method::POST, &app.at("/end_session")).form(params);
    let answer = without_cookies.send(request.header("sec-fetch-site", "cross-site")).await;
    assert_eq!(answer.status, 303);
    assert!(!answer.headers.contains_key("set-cookie"));
    browser.open(answer.location().unwrap().as_str()).await
}

#[actix_web::test]
async fn without_proof_the_person_is_asked_and_stays_here() {
    let app = TestApp::start().await;
    app.user("ada").await;
    app.user("grace").await;
    let rp = client(&app).await;
    let (elsewhere, _) = signed_in(&app, &rp, "ada").await;
    let other_session = elsewhere.get(&rp.authorize(&[])).await.answered("code").unwrap();
    let other_session = rp.redeem(&elsewhere, &other_session, &[]).await.json();
    let (_, graces) = signed_in(&app, &rp, "grace").await;
    let (browser, first) = signed_in(&app, &rp, "ada").await;
    // A hint of a session that was ended since: signed out here, and in again.
    let home = browser.get(&app.at("/")).await;
    browser.submit(&home, &[]).await;
    rp.code(&browser, "ada", &[]).await;
    let redirect = ("post_logout_redirect_uri", AFTER);
    let (old, others, another) = (&first["id_token"], &other_session["id_token"], &graces["id_token"]);
    let unregistered = ("post_logout_redirect_uri", "https://evil.example");
    let id = ("client_id", rp.client_id.as_str());
    let forged = ("id_token_hint", "e30.e30.e30");
    #[rustfmt::skip]
    let rows: [(&str, Vec<(&str, &str)>, Left); 15] = [
        ("no parameters", vec![], Left::Told),
        ("only state", vec![("state", "s")], Left::Told),
        ("only client_id", vec![("client_id", &rp.client_id)], Left::Told),
        ("an unknown client_id", vec![("client_id", "nobody")], Left::Told),
        ("a redirect without a hint", vec![redirect], Left::Stayed("unnamed")),
        ("a redirect with client_id", vec![redirect, id], Left::Away(AFTER.into())),
        ("with state too", vec![redirect, id, ("state", "a b")], Left::Away(format!("{AFTER}?state=a+b"))),
        ("a redirect with an unknown client_id", vec![redirect, ("client_id", "nobody")], Left::Stayed("unnamed")),
        ("an unregistered redirect without a hint", vec![unregistered], Left::Stayed("unnamed")),
        ("an unregistered redirect with client_id", vec![unregistered, id], Left::Stayed("unregistered")),
        ("a redirect beside a hint that cannot be used", vec![redirect, forged], Left::Stayed("unnamed")),
        ("client_id beside a hint that cannot be used", vec![redirect, forged, id, ("state", "s")],
            Left::Away(format!("{AFTER}?state=s"))),
        ("the hint of an ended session", vec![redirect, ("id_token_hint", old.as_str().unwrap()), ("state", "s")],
            Left::Away(format!("{AFTER}?state=s"))),
        ("the hint of another browser", vec![redirect, ("id_token_hint", others.as_str().unwrap())], Left::Away(AFTER.into())),
        ("the hint of another person", vec![("id_token_hint", another.as_str().unwrap())], Left::Told),
    ];
    for (what, params, expected) in rows {
        let asked = browser.open(&url(&app, &params)).await;
        assert_eq!(left(&asked), Left::Asked, "{what}");
        assert!(is_signed_in(&app, &rp, &browser).await, "{what}: asking signs nobody out");
        // The answer cannot be given by another site, nor with another browser's token.
        let token = asked.form().fields[0].1.clone();
        for (origin, site, csrf) in [
            (Some("https://evil.example"), None, token.as_str()),
            (None, Some("cross-site"), token.as_str()),
            (None, Some("same-site"), token.as_str()),
            (None, None, token.as_str()),
            (None, Some("same-origin"), "forged"),
            (None, Some("same-origin"), ""),
        ] {
            let mut request = browser.request(Method::POST, &app.at("/signed-out")).form(&[("csrf", csrf)]);
            request = origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
            request = site.into_iter().fold(request, |request, site| request.header("sec-fetch-site", site));
            let answer = browser.send(request).await;
            assert_eq!(shown(&answer), (403, "Form came from another site".into(), String::new()));
        }
        assert!(is_signed_in(&app, &rp, &browser).await, "{what}");
        let done = browser.submit(&asked, &[]).await;
        match expected {
            Left::Away(to) => assert_eq!(done.destination().as_str(), to, "{what}"),
            told => assert_eq!(left(&done), told, "{what}"),
        }
        assert!(!is_signed_in(&app, &rp, &browser).await, "{what}");
        rp.code(&browser, "ada", &[]).await;
    }
    assert!(is_signed_in(&app, &rp, &elsewhere).await, "other browsers are left alone");
    app.finish().await;
}

/// A hint that holds signs the person out, whatever is wrong with the way back; the page says both.
#[actix_web::test]
async fn an_address_that_is_not_registered_gives_up_the_redirect_and_not_the_sign_out() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = client(&app).await;
    for (at, sent) in [
        "https://evil.example/bye", "https://app.example/bye/", "https://app.example/bye?x=1",
        "https://app.example/BYE", "https://app.example/bye?from=op&x=1", "https://app.example/bye#x",
        "http://app.example/bye", "/bye", "javascript:alert(1)",
    ]
    .into_iter()
    .enumerate()
    {
        let (browser, tokens) = signed_in(&app, &rp, "ada").await;
        let hint = tokens["id_token"].as_str().unwrap();
        let params = [("id_token_hint", hint), ("post_logout_redirect_uri", sent), ("state", "s")];
        let answer = if at % 2 == 0 {
            browser.open(&url(&app, &params)).await
        } else {
            post_cross_site(&app, &browser, &params).await
        };
        assert_eq!(left(&answer), Left::Stayed("unregistered"), "{sent}");
        assert!(!answer.body.contains("evil.example"), "an address that was sent is not shown");
        assert!(!is_signed_in(&app, &rp, &browser).await, "{sent}");
    }
    // A request that says two things of the way back leads nowhere.
    let long = "s".repeat(10_000);
    for more in [[("state", "1"), ("state", "2")], [("state", &long), ("ui_locales", "en")]] {
        for by_post in [false, true] {
            let (browser, tokens) = signed_in(&app, &rp, "ada").await;
            let hint = tokens["id_token"].as_str().unwrap();
            let params =
                [&[("id_token_hint", hint), ("post_logout_redirect_uri", AFTER)][..], &more].concat();
            let answer = if by_post {
                post_cross_site(&app, &browser, &params).await
            } else {
                browser.open(&url(&app, &params)).await
            };
            assert_eq!(left(&answer), Left::Stayed("unclear"), "{by_post}");
            assert!(!is_signed_in(&app, &rp, &browser).await);
        }
    }
    app.finish().await;
}

/// What cannot be believed, or not even read, leads to the question, and never past it.
#[actix_web::test]
async fn what_cannot_be_used_leads_to_the_question() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = client(&app).await;
    let other = client(&app).await;
    let (browser, tokens) = signed_in(&app, &rp, "ada").await;
    let hint = tokens["id_token"].as_str().unwrap();
    for (what, forged) in forgeries(&tokens["id_token"], &tokens["access_token"]) {
        let params = [("id_token_hint", forged.as_str()), ("post_logout_redirect_uri", AFTER)];
        assert_eq!(left(&browser.open(&url(&app, &params)).await), Left::Asked, "{what}");
    }
    let mut foreign = claims(&tokens["id_token"]);
    foreign["iss"] = json!("https://evil.example");
    let foreign = signed_by_us(&app, "JWT", &foreign);
    #[rustfmt::skip]
    let rows: [&[(&str, &str)]; 4] = [
        &[("id_token_hint", &foreign)],
        &[("id_token_hint", hint), ("client_id", &other.client_id)],
        &[("id_token_hint", hint), ("id_token_hint", hint)],
        &[("client_id", "a"), ("client_id", "a")],
    ];
    for params in rows {
        assert_eq!(left(&browser.open(&url(&app, params)).await), Left::Asked, "{params:?}");
    }
    for query in ["?state=%zz", "?t=nonsense", "?t=a&t=b"] {
        assert_eq!(left(&browser.open(&(url(&app, &[]) + query)).await), Left::Asked, "{query}");
    }
    assert!(is_signed_in(&app, &rp, &browser).await);
    // A form that is none is not acted on.
    let post = |content_type: &str, body: String| {
        browser.request(Method::POST, &app.at("/end_session")).header("content-type", content_type).body(body)
    };
    assert_eq!(shown(&browser.send(post("text/plain", "state=1".into())).await).0, 415);
    let large = post("application/x-www-form-urlencoded", "a".repeat(70_000));
    assert_eq!(shown(&browser.send(large).await).0, 413);
    let put = browser.send(browser.request(Method::PUT, &url(&app, &[]))).await;
    assert_eq!((shown(&put).0, put.header("allow")), (405, "GET, HEAD, POST"));
    app.finish().await;
}

/// A hint signs out one of several, and the page does not pretend that it was everybody.
#[actix_web::test]
async fn the_page_says_when_others_are_still_signed_in() {
    let app = TestApp::start().await;
    app.user("ada").await;
    app.user("grace").await;
    let rp = client(&app).await;
    let (browser, tokens) = signed_in(&app, &rp, "ada").await;
    let page = browser.open(&rp.authorize(&[("prompt", Some("login"))])).await;
    browser.submit(&page, &[("username", "grace"), ("password", PASSWORD)]).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let told = browser.open(&url(&app, &[("id_token_hint", hint), ("ui_locales", "en")])).await;
    assert_eq!(left(&told), Left::Told);
    assert!(told.body.contains("Other accounts are still signed in"), "{}", told.body);
    assert!(is_signed_in(&app, &rp, &browser).await, "grace is");
    app.finish().await;
}

#[actix_web::test]
async fn signing_out_twice_or_late_is_no_fault() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = client(&app).await;
    let (browser, tokens) = signed_in(&app, &rp, "ada").await;
    let hint = ("id_token_hint", tokens["id_token"].as_str().unwrap());
    let there = [hint, ("post_logout_redirect_uri", AFTER)];
    app.clock.advance(Duration::hours(7));
    for what in ["with a token long expired", "again", "and again"] {
        assert_eq!(left(&browser.open(&url(&app, &there)).await), Left::Away(AFTER.into()), "{what}");
        assert!(!is_signed_in(&app, &rp, &browser).await);
    }
    let stranger = app.browser();
    assert_eq!(left(&stranger.open(&url(&app, &there)).await), Left::Away(AFTER.into()));
    let unconfirmed = [("client_id", rp.client_id.as_str()), ("post_logout_redirect_uri", AFTER)];
    assert_eq!(left(&stranger.open(&url(&app, &unconfirmed)).await), Left::Told, "confirmed by no person");
    assert_eq!(left(&stranger.open(&url(&app, &[hint])).await), Left::Told);
    assert_eq!(left(&stranger.open(&url(&app, &[])).await), Left::Told);
    app.finish().await;
}

#[actix_web::test]
async fn below_a_path_it_is_the_same() {
    let app = TestApp::start_with(Options { path: "/id", ..Options::default() }).await;
    app.user("ada").await;
    let rp = client(&app).await;
    let (browser, tokens) = signed_in(&app, &rp, "ada").await;
    let asked = browser.open(&url(&app, &[])).await;
    assert_eq!(left(&asked), Left::Asked);
    assert_eq!(left(&browser.submit(&asked, &[]).await), Left::Told);
    let hint = tokens["id_token"].as_str().unwrap();
    let told = browser.open(&url(&app, &[("id_token_hint", hint)])).await;
    assert_eq!((left(&told), told.url.path()), (Left::Told, "/id/signed-out"));
    let params = [("id_token_hint", hint), ("post_logout_redirect_uri", AFTER)];
    assert_eq!(left(&post_cross_site(&app, &browser, &params).await), Left::Away(AFTER.into()));
    app.finish().await;
}
