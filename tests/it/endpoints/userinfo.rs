//! `/userinfo`: where the token may be, which token it may be, and what is told.
//!
//! Holds `web/around/cors.rs`, `web/extract.rs`, `web/failure/bearer.rs`.

use countersign::protocol::client::Client;
use countersign::store::clients;
use countersign::store::users::{self, Change};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::hint::{forgeries, signed_by_us};
use super::refusal;
use crate::support::TEST;
use crate::support::app::{API, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::log;
use crate::support::rp::{Rp, claims, registered};

async fn get(app: &TestApp, browser: &Browser, token: &str) -> Answer {
    browser.send(browser.request(Method::GET, &app.at("/userinfo")).bearer_auth(token)).await
}

/// Refused by a challenge that names the same error as the body.
fn challenged(answer: &Answer) -> (u16, String) {
    let (status, error) = refusal(answer);
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with(&format!("Bearer error=\"{error}\"")), "{challenge:?}");
    (status, error)
}

#[actix_web::test]
async fn a_token_comes_in_one_place() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let token = tokens["access_token"].as_str().unwrap();
    let (bearer, lower) = (format!("Bearer {token}"), format!("bearer {token}"));
    let dpop = format!("DPoP {token}");
    let (form, json_type) = ("application/x-www-form-urlencoded", "application/json");
    let (in_body, twice) =
        (format!("access_token={token}"), format!("access_token={token}&access_token={token}"));
    let in_query = format!("?access_token={token}");
    let large = "a".repeat(70_000);
    let (fine, bare, invalid) = ((200, ""), (401, ""), (400, "invalid_request"));
    #[rustfmt::skip]
    let rows: [(&str, &str, &[&str], Option<(&str, &str)>, (u16, &str)); 25] = [
        ("GET", "", &[&bearer], None, fine),
        ("GET", "", &[&lower], None, fine),
        ("GET", "?other=1&access_token=", &[&bearer], None, fine),
        ("POST", "", &[&bearer], None, fine),
        ("POST", "", &[&bearer], Some((form, "")), fine),
        ("POST", "", &[&bearer], Some((form, "other=1")), fine),
        ("POST", "", &[&bearer], Some((json_type, "{}")), fine),
        ("POST", "", &[], Some((form, &in_body)), fine),
        ("GET", "", &[], None, bare),
        ("POST", "", &[], None, bare),
        ("POST", "", &[], Some((form, "")), bare),
        ("POST", "", &[], Some((json_type, "{}")), bare),
        ("GET", "", &["Basic YTpi"], None, bare),
        ("GET", "", &[&dpop], None, bare),
        ("GET", "", &["Bearer"], None, invalid),
        ("GET", "", &["Bearer "], None, invalid),
        ("GET", &in_query, &[], None, invalid),
        ("GET", &in_query, &[&bearer], None, invalid),
        ("POST", &in_query, &[], Some((form, "")), invalid),
        ("POST", "", &[&bearer], Some((form, &in_body)), invalid),
        ("POST", "", &["Basic YTpi"], Some((form, &in_body)), invalid),
        ("POST", "", &[], Some((form, &twice)), invalid),
        ("POST", "", &[], Some((form, "access_token=%zz")), invalid),
        ("GET", "", &[&bearer, &bearer], None, invalid),
        ("POST", "", &[], Some((form, &large)), (413, "invalid_request")),
    ];
    for (at, (method, query, headers, body, (status, error))) in rows.into_iter().enumerate() {
        let method: Method = method.parse().unwrap();
        let mut request = browser.request(method.clone(), &app.at(&format!("/userinfo{query}")));
        for header in headers {
            request = request.header("authorization", *header);
        }
        if let Some((content_type, body)) = body {
            request = request.header("content-type", content_type).body(body.to_owned());
        }
        let answer = browser.send(request).await;
        assert_eq!(answer.status, status, "row {at}: {}", answer.body);
        assert_eq!(
            (answer.header("cache-control"), answer.header("pragma")),
            ("no-store", "no-cache"),
            "row {at}"
        );
        match status {
            200 => assert_eq!(answer.json(), json!({ "sub": ada.id }), "row {at}"),
            401 => {
                assert_eq!(
                    (answer.header("www-authenticate"), answer.body.as_str()),
                    ("Bearer", ""),
                    "row {at}"
                );
            }
            _ => assert_eq!(challenged(&answer), (status, error.into()), "row {at}"),
        }
    }
    for accept in ["application/json", "application/jwt", "*/*", "text/html"] {
        let request = browser.request(Method::GET, &app.at("/userinfo")).bearer_auth(token);
        let answer = browser.send(request.header("accept", accept)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, "application/json"),
            "{accept}"
        );
    }
    for method in [Method::PUT, Method::DELETE] {
        let answer = browser.send(browser.request(method, &app.at("/userinfo")).bearer_auth(token)).await;
        assert_eq!(refusal(&answer), (405, "invalid_request".into()));
        assert_eq!(answer.header("allow"), "GET, HEAD, POST, OPTIONS");
    }
    let head = browser.send(browser.request(Method::HEAD, &app.at("/userinfo")).bearer_auth(token)).await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
    app.finish().await;
}

#[actix_web::test]
async fn only_a_living_access_token_of_ours_for_us_is_one() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true, "scope": "openid email balances.read" })).await;
    let browser = app.browser();
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let good = &tokens["access_token"];
    let token = good.as_str().unwrap();
    let invalid = || (401, "invalid_token".to_owned());
    for (what, forged) in forgeries(good, &tokens["id_token"]) {
        assert_eq!(challenged(&get(&app, &browser, &forged).await), invalid(), "{what}");
    }
    assert_eq!(challenged(&get(&app, &browser, tokens["id_token"].as_str().unwrap()).await), invalid());

    // Signed with our own key, and still not good.
    let claims = claims(good);
    let changed = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let past = app.clock.now().unix_timestamp() - 1;
    let other_grant = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let session = "urn:countersign:claim:session";
    #[rustfmt::skip]
    let rows = [
        ("typ JWT", signed_by_us(&app, "JWT", &claims)),
        ("typ logout", signed_by_us(&app, "logout+jwt", &claims)),
        ("issuer", signed_by_us(&app, "at+jwt", &changed("iss", json!("https://evil.example")))),
        ("audience", signed_by_us(&app, "at+jwt", &changed("aud", json!("https://evil.example")))),
        ("audiences", signed_by_us(&app, "at+jwt", &changed("aud", json!([API])))),
        ("audience of another kind", signed_by_us(&app, "at+jwt", &changed("aud", json!(7)))),
        ("expired", signed_by_us(&app, "at+jwt", &changed("exp", json!(past)))),
        ("exp 1e300", signed_by_us(&app, "at+jwt", &changed("exp", json!(1e300)))),
        ("exp as text", signed_by_us(&app, "at+jwt", &changed("exp", json!("9999999999")))),
        ("exp missing", signed_by_us(&app, "at+jwt", &changed("exp", Value::Null))),
        ("another person", signed_by_us(&app, "at+jwt", &changed("sub", json!("nobody")))),
        ("another grant", signed_by_us(&app, "at+jwt", &changed("jti", json!(other_grant)))),
        ("a short jti", signed_by_us(&app, "at+jwt", &changed("jti", json!("AAAA")))),
        ("a jti that is no Base64", signed_by_us(&app, "at+jwt", &changed("jti", json!("???")))),
        ("no session", signed_by_us(&app, "at+jwt", &changed(session, Value::Null))),
        ("a session that is none", signed_by_us(&app, "at+jwt", &changed(session, json!("AAAA")))),
        ("no claims", signed_by_us(&app, "at+jwt", &json!({}))),
    ];
    for (what, token) in rows {
        assert_eq!(challenged(&get(&app, &browser, &token).await), invalid(), "{what}");
    }
    // The same by our own hand, unchanged, is good: the rows above fail for what they say.
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt"] {
        assert_eq!(get(&app, &browser, &signed_by_us(&app, typ, &claims)).await.status, 200, "{typ}");
    }
    let us_too = changed("aud", json!([API, app.issuer]));
    assert_eq!(get(&app, &browser, &signed_by_us(&app, "at+jwt", &us_too)).await.status, 200);

    let scopeless =
        get(&app, &browser, &signed_by_us(&app, "at+jwt", &changed("scope", json!("email")))).await;
    assert_eq!(challenged(&scopeless), (403, "insufficient_scope".into()));
    assert!(scopeless.header("www-authenticate").ends_with(", scope=\"openid\""));

    // Signed out, expired, disabled.
    let elsewhere = app.browser();
    let others = rp.tokens(&elsewhere, "ada", &[]).await;
    let home = elsewhere.get(&app.at("/")).await;
    elsewhere.submit(&home, &[]).await;
    let others = others["access_token"].as_str().unwrap();
    assert_eq!(challenged(&get(&app, &browser, others).await), invalid(), "signed out");
    assert_eq!(get(&app, &browser, token).await.status, 200, "another browser's sign-out is not ours");
    app.clock.advance(Duration::seconds(500));
    assert_eq!(get(&app, &browser, token).await.status, 200);
    app.clock.advance(Duration::seconds(100));
    assert_eq!(challenged(&get(&app, &browser, token).await), invalid(), "expired");
    let renewed =
        rp.redeem(&browser, &browser.get(&rp.authorize(&[])).await.answered("code").unwrap(), &[]).await;
    let renewed = renewed.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(get(&app, &browser, &renewed).await.status, 200);
    let now = app.clock.now();
    users::change(&app.app.db, &ada.id, Change::Disabled(true), TEST, now).await.unwrap();
    assert_eq!(challenged(&get(&app, &browser, &renewed).await), invalid(), "disabled");
    app.finish().await;
}

/// Without a client there is nobody that the person gave the token to.
#[actix_web::test]
async fn a_token_ends_with_its_client() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(get(&app, &browser, token).await.status, 200);
    let now = app.clock.now();
    let before = clients::by_id(&app.app.db, &rp.client_id).await.unwrap().unwrap().registered_at;
    assert!(clients::remove(&app.app.db, &rp.client_id, TEST, now).await.unwrap());
    let invalid = (401, "invalid_token".to_owned());
    assert_eq!(challenged(&get(&app, &browser, token).await), invalid, "removed");
    let again = |disabled, registered_at| Client {
        disabled,
        registered_at,
        ..registered(&rp.client_id, None, json!({}))
    };
    let later = now + Duration::seconds(2);
    clients::add(&app.app.db, &again(false, later), TEST, later).await.unwrap();
    assert_eq!(challenged(&get(&app, &browser, token).await), invalid, "a new client of the same name");
    clients::remove(&app.app.db, &rp.client_id, TEST, now).await.unwrap();
    clients::add(&app.app.db, &again(true, before), TEST, now).await.unwrap();
    assert_eq!(challenged(&get(&app, &browser, token).await), invalid, "disabled");
    clients::remove(&app.app.db, &rp.client_id, TEST, now).await.unwrap();
    clients::add(&app.app.db, &again(false, before), TEST, now).await.unwrap();
    assert_eq!(get(&app, &browser, token).await.status, 200, "what was refused was the client");
    app.finish().await;
}

/// What is wrong with a token is said in words of its own format, to the log and to the client's developer.
#[actix_web::test]
async fn a_token_that_is_none_is_told_what_it_is() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let (access, id) = (tokens["access_token"].as_str().unwrap(), tokens["id_token"].as_str().unwrap());
    let cut = &access[..access.len() - 4];
    let flipped = access.replacen('.', "A.", 1);
    for (token, said) in [
        ("garbage", "not a JWT: a signed one has three parts"),
        ("a.b.c", "not a JWT: its first part is not a JSON header"),
        ("eyJhbGciOiJSUzI1NiJ9.e30.AAAA", "no key of ours has the token's kid"),
        (cut, "cut off"),
        (&flipped, "not a JWT: its first part"),
        (id, "an ID Token was sent in place of an access token"),
    ] {
        let answer = get(&app, &browser, token).await;
        assert_eq!(answer.status, 401);
        let lines = log::of_requests(&[answer.header("x-request-id").to_owned()]);
        let refused = lines.iter().find(|line| line.contains("refused")).unwrap();
        assert!(refused.contains(said), "{said}: {refused}");
        for library in ["colon", "verifier", "JoseError", "line 1 column", "missing field", "Invalid"] {
            assert!(!refused.contains(library), "{library}: {refused}");
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn scopes_release_claims_and_what_is_not_known_is_left_out() {
    let app = TestApp::start().await;
    let known = json!({ "name": "Ada Lovelace", "email": "ada@example.com", "email_verified": false,
        "address": { "locality": "London" }, "phone_number": "+441234567", "updated_at": 1_700_000_000,
        "roles": ["customer"], "favourite": "engine" });
    let ada = app.user_with("ada", known).await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;
    #[rustfmt::skip]
    let rows = [
        ("openid", json!({})),
        ("openid profile", json!({ "name": "Ada Lovelace", "preferred_username": "ada", "updated_at": 1_700_000_000 })),
        ("email openid", json!({ "email": "ada@example.com", "email_verified": false })),
        ("openid phone", json!({ "phone_number": "+441234567" })),
        ("openid address", json!({ "address": { "locality": "London" } })),
        ("openid unknown", json!({})),
    ];
    for (scope, mut expected) in rows {
        expected["sub"] = json!(ada.id);
        let code = browser.get(&rp.authorize(&[("scope", Some(scope))])).await.answered("code").unwrap();
        let tokens = rp.redeem(&browser, &code, &[]).await.json();
        let answer = get(&app, &browser, tokens["access_token"].as_str().unwrap()).await;
        assert_eq!(answer.json(), expected, "{scope}");
        let id_token = claims(&tokens["id_token"]);
        for name in ["name", "email", "phone_number", "address"] {
            assert!(id_token.get(name).is_none(), "{name} is for userinfo, not for the ID Token");
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn scripts_of_the_clients_own_origins_may_read_it() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let metadata = json!({ "first_party": true, "allowed_cors_origins": ["https://spa.example"] });
    let rp = Rp::new(&app, metadata).await;
    let browser = app.browser();
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let token = tokens["access_token"].as_str().unwrap();
    for (token, origin, echoed, status) in [
        (token, "https://spa.example", "https://spa.example", 200),
        (token, "https://evil.example", "https://evil.example", 400),
        (token, "null", "", 200),
        (token, app.app.config.origin.as_str(), app.app.config.origin.as_str(), 200),
        ("nonsense", "https://evil.example", "https://evil.example", 401),
    ] {
        let request = browser.request(Method::GET, &app.at("/userinfo")).bearer_auth(token);
        let answer = browser.send(request.header("origin", origin)).await;
        assert_eq!(answer.header("access-control-allow-origin"), echoed, "{origin}");
        assert_eq!(answer.status, status, "{origin}");
        assert_eq!(answer.header("vary"), "Origin");
    }
    app.finish().await;
}
