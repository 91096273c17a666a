//! `/token` with `grant_type=client_credentials`: tokens of a client for itself.
//!
//! Holds `endpoints/token/client_credentials.rs`.

use countersign::protocol::resource::Resources;
use countersign::store::clients;
use countersign_verifier::{Check, KeySet, verify};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Outcome, failures, outcome, refusal};
use crate::store::lines;
use crate::support::TEST;
use crate::support::app::{API, Options, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::{Rp, claims, header, registered};

/// The registration of a client that acts for itself alone, with these scopes.
fn job(scope: &str) -> Value {
    json!({ "grant_types": ["client_credentials"], "redirect_uris": [], "scope": scope })
}

/// Asks for a token with these parameters beside the usual ones.
async fn ask(rp: &Rp<'_>, browser: &Browser, fields: &[(&str, &str)]) -> Answer {
    let fields = [&[("grant_type", "client_credentials")], fields].concat();
    let request = browser.request(Method::POST, &rp.app.at("/token")).form(&fields);
    browser.send(request.basic_auth(&rp.client_id, Some(&rp.secret))).await
}

async fn userinfo(app: &TestApp, browser: &Browser, token: &Value) -> (u16, String) {
    let request = browser.request(Method::GET, &app.at("/userinfo"));
    refusal(&browser.send(request.bearer_auth(token.as_str().unwrap())).await)
}

/// A further API, whose scopes need no `resource`.
const OPEN: &str = "https://open.example";

async fn provider() -> TestApp {
    let adjust = |config: &mut countersign::config::Config| {
        let also = json!({ "uri": OPEN, "scopes": ["open.read"], "default": true });
        let declared = config.resources.iter().cloned().chain([serde_json::from_value(also).unwrap()]);
        config.resources = Resources::new(declared.collect()).unwrap();
    };
    TestApp::start_with(Options { adjust, ..Options::default() }).await
}

#[actix_web::test]
async fn a_client_gets_a_token_for_itself_and_nothing_else() {
    let app = provider().await;
    let rp = Rp::new(&app, job("openid balances.read open.read")).await;
    let browser = app.browser();
    let now = app.clock.now().unix_timestamp();
    let answer = ask(&rp, &browser, &[("resource", API)]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let tokens = answer.json();
    let token = &tokens["access_token"];
    assert_eq!(
        tokens,
        json!({ "access_token": token, "token_type": "Bearer", "expires_in": 600, "scope": "balances.read" })
    );
    assert_eq!((&header(token)["typ"], &header(token)["alg"]), (&json!("at+jwt"), &json!("ES256")));
    let said = claims(token);
    let (iat, jti) = (said["iat"].as_i64().unwrap(), said["jti"].as_str().unwrap());
    assert!((now..now + 10).contains(&iat) && jti.len() == 32, "{said}");
    assert_eq!(
        said,
        json!({ "iss": app.issuer, "sub": rp.client_id, "client_id": rp.client_id, "aud": API, "iat": iat,
            "nbf": iat - 60, "exp": iat + 600, "jti": jti, "scope": "balances.read" }),
        "no word of a person"
    );
    let keys = browser.get(&app.at("/.well-known/jwks.json")).await;
    let keys = KeySet::from_json(keys.body.as_bytes()).unwrap();
    let check = Check::access_token(&app.issuer, API);
    verify(token.as_str().unwrap(), &keys, &check, app.clock.now()).unwrap();
    // Each token is of a grant of its own, and no grant leaves a row.
    let again = ask(&rp, &browser, &[("resource", API)]).await.json()["access_token"].clone();
    assert_ne!(jti.get(..21), claims(&again)["jti"].as_str().unwrap().get(..21));
    assert!(lines(&app.app.db, "SELECT client_id AS line FROM grants").is_empty());

    // Without a resource it is for ourselves and the default ones, and UserInfo knows no person of it.
    let tokens = ask(&rp, &browser, &[]).await.json();
    let said = claims(&tokens["access_token"]);
    assert_eq!((&said["aud"], &said["scope"]), (&json!([app.issuer, OPEN]), &json!("open.read")));
    let lacking = (403, "insufficient_scope".to_owned());
    assert_eq!(userinfo(&app, &browser, &tokens["access_token"]).await, lacking);
    assert_eq!(userinfo(&app, &browser, token).await, (401, "invalid_token".into()), "for another resource");
    let plain = Rp::new(&app, json!({ "grant_types": ["client_credentials"], "redirect_uris": [] })).await;
    let tokens = ask(&plain, &browser, &[("scope", "openid profile")]).await.json();
    assert!(tokens.get("scope").is_none() && tokens.get("id_token").is_none(), "{tokens}");
    assert_eq!(claims(&tokens["access_token"])["aud"], json!(app.issuer));
    assert_eq!(userinfo(&app, &browser, &tokens["access_token"]).await, lacking);
    app.finish().await;
}

#[actix_web::test]
async fn what_it_may_not_have_is_refused() {
    let app = provider().await;
    let rp = Rp::new(&app, job("openid balances.read")).await;
    let person = Rp::new(&app, json!({})).await;
    let browser = app.browser();
    let bad = |error: &str| (400, error.to_owned());
    #[rustfmt::skip]
    let rows: [(&[(&str, &str)], &str); 9] = [
        (&[("scope", "balances.read")], "invalid_target"),
        (&[("scope", "balances.transfer"), ("resource", API)], "invalid_scope"),
        (&[("scope", "unknown")], "invalid_scope"),
        (&[("resource", "https://other.example")], "invalid_target"),
        (&[("resource", API), ("resource", OPEN)], "invalid_target"),
        (&[("scope", "balances.read"), ("scope", "balances.read")], "invalid_request"),
        (&[("client_secret", "x")], "invalid_request"),
        (&[("client_id", "other")], "invalid_client"),
        (&[("resource", API), ("scope", "open.read")], "invalid_scope"),
    ];
    for (fields, error) in rows {
        let status = if error == "invalid_client" { 401 } else { 400 };
        assert_eq!(refusal(&ask(&rp, &browser, fields).await), (status, error.into()), "{fields:?}");
    }
    assert_eq!(refusal(&ask(&person, &browser, &[]).await), bad("unauthorized_client"), "not registered");
    // A public client has none of its own, whatever a row says.
    let both = json!({ "grant_types": ["client_credentials"], "token_endpoint_auth_method": "none" });
    let public = registered("public", None, both);
    assert!(public.metadata.check(true).is_err());
    clients::add(&app.app.db, &public, TEST, app.clock.now()).await.unwrap();
    let fields = [("grant_type", "client_credentials"), ("client_id", "public")];
    let answer = browser.send(browser.request(Method::POST, &app.at("/token")).form(&fields)).await;
    assert_eq!(refusal(&answer), bad("unauthorized_client"));
    app.finish().await;
}

/// A client that acts for itself brings no person here.
#[actix_web::test]
async fn it_cannot_send_people_to_sign_in() {
    let app = provider().await;
    let browser = app.browser();
    let without = Rp::new(&app, job("balances.read")).await;
    let answer = browser.get(&without.authorize(&[])).await;
    assert_eq!((outcome(&app, &answer), answer.location()), (Outcome::Page(400), None), "nowhere to answer");
    let with = Rp::new(&app, json!({ "grant_types": ["client_credentials"] })).await;
    let answer = browser.get(&with.authorize(&[])).await;
    assert_eq!(outcome(&app, &answer), Outcome::error("unauthorized_client"));
    let silent = browser.get(&with.authorize(&[("prompt", Some("none"))])).await;
    assert_eq!(outcome(&app, &silent), Outcome::error("unauthorized_client"));
    let redeemed = with.redeem(&browser, "code", &[]).await;
    assert_eq!(refusal(&redeemed), (400, "unauthorized_client".into()));
    app.finish().await;
}

/// What is left out of the scope is no failure, and still the client's developer is told of it.
#[actix_web::test]
async fn scopes_about_a_person_are_left_out_and_told() {
    let app = provider().await;
    let rp = Rp::new(&app, job("openid offline_access balances.read")).await;
    let browser = app.browser();
    let scope = ("scope", "openid offline_access balances.read");
    let tokens = ask(&rp, &browser, &[scope, ("resource", API)]).await.json();
    assert_eq!(tokens["scope"], "balances.read");
    assert!(tokens.get("id_token").is_none() && tokens.get("refresh_token").is_none(), "{tokens}");
    let told = failures(&app, &rp.client_id, 1).await;
    let words = told[0].cause.to_string();
    assert!(words.contains("about a person, and none is involved: offline_access openid"), "{words}");
    assert_eq!((told[0].error.as_str(), told[0].endpoint.as_str()), ("narrowed", "/token"));
    app.finish().await;
}
