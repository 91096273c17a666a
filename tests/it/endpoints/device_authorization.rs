//! `/device_authorization` and the polls at `/token`: what a device is told.
//!
//! Holds `endpoints/token/device.rs`.

use countersign::protocol::client::Client;
use countersign::store::clients;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::refusal;
use crate::support::TEST;
use crate::support::app::{API, TestApp};
use crate::support::browser::Answer;
use crate::support::rp::{Rp, claims};
use crate::support::tv::{Codes, DEVICE, Tv, approve, asked};

fn told(answer: &Answer) -> (u16, String) {
    if answer.status == 200 { (200, String::new()) } else { refusal(answer) }
}

fn bad(error: &str) -> (u16, String) {
    (400, error.into())
}

#[actix_web::test]
async fn a_device_is_given_two_codes() {
    let app = TestApp::start().await;
    let tv = Tv::new(&app, json!({})).await;
    let answer = tv.ask(&[("nonce", Some("ignored"))]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    assert_eq!(answer.header("content-type"), "application/json");
    let codes = answer.json();
    let user = codes["user_code"].as_str().unwrap();
    let is_letter = |c: char| "BCDFGHJKLMNPQRSTVWXZ".contains(c);
    assert!(user.len() == 9 && &user[4..5] == "-" && user.replace('-', "").chars().all(is_letter), "{user}");
    assert!(codes["device_code"].as_str().unwrap().len() >= 43);
    assert_eq!(codes["verification_uri"], app.at("/device"));
    assert_eq!(codes["verification_uri_complete"], app.at(&format!("/device?user_code={user}")));
    assert_eq!((&codes["expires_in"], &codes["interval"]), (&json!(600), &json!(5)));
    assert_eq!(codes.as_object().unwrap().len(), 6);
    app.finish().await;
}

#[actix_web::test]
async fn a_client_must_be_for_devices_and_ask_for_what_it_may_have() {
    let app = TestApp::start().await;
    let tv = Tv::new(&app, json!({})).await;
    let web = Rp::new(&app, json!({ "token_endpoint_auth_method": "none" })).await;
    let secret = Rp::new(&app, json!({ "grant_types": [DEVICE], "redirect_uris": [] })).await;
    let gone = Client { disabled: true, ..crate::support::rp::registered("gone", None, json!({})) };
    assert!(clients::add(&app.app.db, &gone, TEST, app.clock.now()).await.unwrap());
    let granted = || (200, String::new());
    let refused = || (401, "invalid_client".to_owned());
    for (changes, expected) in [
        (&[][..], granted()),
        (&[("resource", Some(API)), ("scope", Some("openid balances.read"))], granted()),
        (&[("scope", None)], bad("invalid_scope")),
        (&[("scope", Some("unheard-of"))], bad("invalid_scope")),
        (&[("scope", Some(&"x".repeat(5000)))], bad("invalid_request")),
        (&[("resource", Some("https://else.example"))], bad("invalid_target")),
        (&[("scope", Some("openid balances.read"))], granted()),
        (&[("client_id", Some(&web.client_id))], bad("unauthorized_client")),
        (&[("client_id", Some(&secret.client_id))], refused()),
        (&[("client_id", Some("unknown"))], refused()),
        (&[("client_id", Some("gone"))], refused()),
        (&[("client_id", None)], refused()),
    ] {
        let answer = tv.ask(changes).await;
        assert_eq!(told(&answer), expected, "{changes:?}: {}", answer.body);
        assert_eq!(answer.header("www-authenticate").starts_with("Basic"), expected.0 == 401);
    }
    let browser = app.browser();
    let url = app.at("/device_authorization");
    let send = |request: reqwest::RequestBuilder| browser.send(request);
    let form = "application/x-www-form-urlencoded";
    let twice = format!("client_id={0}&client_id={0}&scope=openid", tv.client_id);
    for (body, kind) in [(twice.as_str(), form), ("{}", "application/json"), ("%zz", form)] {
        let request = browser.request(Method::POST, &url).header("content-type", kind).body(body.to_owned());
        assert_eq!(told(&send(request).await), bad("invalid_request"), "{body}");
    }
    let in_query = format!("{url}?client_secret=s");
    let request = browser.request(Method::POST, &in_query).form(&[("client_id", &tv.client_id)]);
    assert_eq!(told(&send(request).await), bad("invalid_request"));
    assert_eq!(browser.get(&url).await.status, 405);
    let own = browser.request(Method::POST, &url).form(&[("scope", "openid")]);
    assert_eq!(send(own.basic_auth(&secret.client_id, Some(&secret.secret))).await.status, 200);
    // A script may read the answer where its origin is registered, and is refused elsewhere.
    let script = |origin: &'static str| {
        let form = [("client_id", tv.client_id.as_str()), ("scope", "openid")];
        browser.request(Method::POST, &url).header("origin", origin).form(&form)
    };
    let refused = send(script("https://evil.example")).await;
    assert_eq!(told(&refused), bad("invalid_request"));
    assert_eq!(refused.header("access-control-allow-origin"), "https://evil.example", "it can be read");
    let preflight = browser.request(Method::OPTIONS, &url).header("origin", "https://any.example");
    assert_eq!(send(preflight).await.header("access-control-allow-methods"), "POST");
    app.finish().await;
}

#[actix_web::test]
async fn a_poll_tells_what_the_person_did() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let (tv, other) = (Tv::new(&app, json!({})).await, Tv::new(&app, json!({})).await);
    let web = Rp::new(&app, json!({ "token_endpoint_auth_method": "none" })).await;
    let codes = tv.codes().await;
    assert_eq!(told(&tv.poll(&codes.device, &[("device_code", None)]).await), bad("invalid_request"));
    assert_eq!(told(&tv.poll("unknown", &[]).await), bad("invalid_grant"));
    assert_eq!(told(&other.poll(&codes.device, &[]).await), bad("invalid_grant"), "another client");
    let of_web = [("client_id", Some(web.client_id.as_str()))];
    assert_eq!(told(&tv.poll(&codes.device, &of_web).await), bad("unauthorized_client"));
    assert_eq!(told(&tv.poll(&codes.device, &[]).await), bad("authorization_pending"));
    app.clock.advance(Duration::seconds(1));
    assert_eq!(told(&tv.poll(&codes.device, &[]).await), bad("slow_down"));
    app.clock.advance(Duration::seconds(5));
    assert_eq!(told(&tv.poll(&codes.device, &[]).await), bad("slow_down"), "the interval is ten seconds now");
    app.clock.advance(Duration::seconds(15));
    assert_eq!(told(&tv.poll(&codes.device, &[]).await), bad("authorization_pending"));

    let browser = app.browser();
    let done = approve(&browser, &codes, "ada").await;
    assert_eq!(done.text("h1"), "Your device is signed in", "{}", done.body);
    app.clock.advance(Duration::seconds(15));
    let answer = tv.poll(&codes.device, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let tokens = answer.json();
    let id_token = claims(&tokens["id_token"]);
    assert_eq!((&id_token["sub"], &id_token["aud"]), (&json!(ada.id), &json!(tv.client_id)));
    assert!(id_token.get("nonce").is_none() && id_token["sid"].is_string());
    assert_eq!((&tokens["scope"], &tokens["token_type"]), (&json!("email openid"), &json!("Bearer")));
    assert_eq!(userinfo(&app, &tokens).await, 200);
    app.clock.advance(Duration::seconds(15));
    assert_eq!(told(&tv.poll(&codes.device, &[]).await), bad("invalid_grant"), "it is redeemed once");

    let codes = tv.codes().await;
    let question = asked(&browser, &codes, "ada").await;
    let done = browser.submit(&question, &[("decision", "deny")]).await;
    assert_eq!(done.text("h1"), "Your device is not signed in");
    assert_eq!(told(&tv.poll(&codes.device, &[]).await), bad("access_denied"));
    // What is signed in ends with the session it was approved from.
    assert_eq!(userinfo(&app, &tokens).await, 200);
    let front = browser.open(&app.at("/")).await;
    browser.submit(&front, &[]).await;
    assert_eq!(userinfo(&app, &tokens).await, 401);
    app.finish().await;
}

/// A device stays signed in by refresh token: as long as the session that it was approved from, or beyond it if the person
/// was asked for that.
#[actix_web::test]
async fn a_device_with_refresh_tokens_stays_signed_in() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let grant_types = json!([DEVICE, "refresh_token"]);
    let tv = Tv::new(&app, json!({ "grant_types": grant_types, "application_type": "native" })).await;
    let refresh = async |tokens: &Value| {
        let token = tokens["refresh_token"].as_str().expect("a refresh token");
        let grant_type = [("grant_type", Some("refresh_token")), ("refresh_token", Some(token))];
        tv.poll("", &[&grant_type[..], &[("device_code", None)]].concat()).await
    };
    for (scope, outlives) in [("openid email", false), ("openid email offline_access", true)] {
        let browser = app.browser();
        let codes = Codes::of(&tv.ask(&[("scope", Some(scope))]).await);
        let question = asked(&browser, &codes, "ada").await;
        let says_so = question.text(".scopes").contains("Stay connected to your account");
        assert_eq!(says_so, outlives, "{}", question.text(".scopes"));
        browser.submit(&question, &[("decision", "approve")]).await;
        let tokens = tv.poll(&codes.device, &[]).await.json();
        assert_eq!(userinfo(&app, &tokens).await, 200);
        let next = refresh(&tokens).await;
        assert_eq!(next.status, 200, "{}", next.body);
        let next = next.json();
        assert_eq!(userinfo(&app, &next).await, 200);
        let front = browser.open(&app.at("/")).await;
        browser.submit(&front, &[]).await;
        assert_eq!(userinfo(&app, &next).await, if outlives { 200 } else { 401 });
        let answer = refresh(&next).await;
        assert_eq!(told(&answer), if outlives { (200, String::new()) } else { bad("invalid_grant") });
    }
    app.finish().await;
}

async fn userinfo(app: &TestApp, tokens: &Value) -> u16 {
    let (browser, token) = (app.browser(), tokens["access_token"].as_str().unwrap());
    let request = browser.request(Method::GET, &app.at("/userinfo")).bearer_auth(token);
    browser.send(request).await.status.as_u16()
}

#[actix_web::test]
async fn codes_end_with_their_time_the_session_and_the_client() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let tv = Tv::new(&app, json!({})).await;
    for (after, expected) in [(580, "authorization_pending"), (600, "expired_token"), (601, "expired_token")]
    {
        let codes = tv.codes().await;
        app.clock.advance(Duration::seconds(after));
        assert_eq!(told(&tv.poll(&codes.device, &[]).await), bad(expected), "{after}");
    }
    let codes = tv.codes().await;
    app.clock.advance(Duration::seconds(1200));
    assert_eq!(told(&tv.poll(&codes.device, &[]).await), bad("invalid_grant"));

    let browser = app.browser();
    let codes = tv.codes().await;
    approve(&browser, &codes, "ada").await;
    let front = browser.open(&app.at("/")).await;
    browser.submit(&front, &[]).await;
    assert_eq!(told(&tv.poll(&codes.device, &[]).await), bad("invalid_grant"), "signed out since");
    // A client that was registered anew under the same identifier is another one.
    let codes = tv.codes().await;
    approve(&browser, &codes, "ada").await;
    let old = clients::by_id(&app.app.db, &tv.client_id).await.unwrap().unwrap();
    assert!(clients::remove(&app.app.db, &tv.client_id, TEST, app.clock.now()).await.unwrap());
    app.clock.advance(Duration::seconds(10));
    let again = Client { registered_at: app.clock.now(), ..old };
    assert!(clients::add(&app.app.db, &again, TEST, app.clock.now()).await.unwrap());
    assert_eq!(told(&tv.poll(&codes.device, &[]).await), bad("invalid_grant"));
    app.finish().await;
}

#[actix_web::test]
async fn a_token_is_for_the_resources_that_the_device_asked_for() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let tv = Tv::new(&app, json!({ "scope": "openid balances.read" })).await;
    let browser = app.browser();
    for (resource, expected) in [(None, 200), (Some(API), 200), (Some("https://else.example"), 400)] {
        let with_api = [("scope", Some("openid balances.read")), ("resource", Some(API))];
        let codes = Codes::of(&tv.ask(&with_api).await);
        let question = asked(&browser, &codes, "ada").await;
        assert!(question.text(".scopes").contains("See your balances"), "{}", question.text(".scopes"));
        browser.submit(&question, &[("decision", "approve")]).await;
        let answer = tv.poll(&codes.device, &[("resource", resource)]).await;
        assert_eq!(answer.status, expected, "{resource:?}: {}", answer.body);
        if expected == 200 {
            assert_eq!(claims(&answer.json()["access_token"])["aud"], API);
        }
    }
    app.finish().await;
}

/// A stranger who claims to be the application fills a budget, and not the store.
#[actix_web::test]
async fn the_requests_of_one_network_are_bounded() {
    let app = TestApp::start().await;
    let tv = Tv::new(&app, json!({})).await;
    for _ in 0..200 {
        assert_eq!(tv.ask(&[]).await.status, 200);
    }
    let full = tv.ask(&[]).await;
    assert_eq!(told(&full), (429, "temporarily_unavailable".to_owned()));
    let wait: i64 = full.header("retry-after").parse().unwrap();
    assert!((1..=21 * 60).contains(&wait), "{wait}");
    app.clock.advance(Duration::seconds(wait));
    assert_eq!(tv.ask(&[]).await.status, 200);
    app.finish().await;
}
