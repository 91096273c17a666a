//! Signed answers of `/userinfo`: what they say, who signed them, and that they are nothing else than answers.

use countersign::protocol::client::{NamedAlg, SigningAlg};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Outcome, outcome, refusal};
use crate::support::app::{Options, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::{Rp, claims, header};

async fn get(app: &TestApp, browser: &Browser, token: &str, accept: &str) -> Answer {
    let request = browser.request(Method::GET, &app.at("/userinfo")).header("accept", accept);
    browser.send(request.bearer_auth(token)).await
}

#[actix_web::test]
async fn an_answer_is_signed_by_the_registered_algorithm() {
    let app = TestApp::start_with(Options {
        adjust: |config| config.keys.algorithms = SigningAlg::ALL.to_vec(),
        ..Options::default()
    })
    .await;
    let ada = app.user("ada").await;
    let browser = app.browser();
    let listed = browser.get(&app.at("/.well-known/openid-configuration")).await.json();
    let names: Vec<&str> = NamedAlg::all().map(NamedAlg::name).collect();
    assert_eq!(listed["userinfo_signing_alg_values_supported"], json!(names));
    let jwks = browser.get(&app.at("/.well-known/jwks.json")).await.json();
    for alg in names {
        let rp = Rp::new(&app, json!({ "first_party": true, "userinfo_signed_response_alg": alg })).await;
        let tokens = rp.tokens(&app.browser(), "ada", &[("scope", Some("openid email"))]).await;
        assert_eq!(header(&tokens["id_token"])["alg"], "RS256", "of ID Tokens it speaks apart");
        let token = tokens["access_token"].as_str().unwrap();
        for accept in ["application/jwt", "application/json", "*/*", "text/html"] {
            let answer = get(&app, &browser, token, accept).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("content-type")),
                (200, "application/jwt"),
                "{accept}"
            );
            assert_eq!(answer.header("cache-control"), "no-store");
            let signed = json!(answer.body);
            let head = header(&signed);
            assert_eq!((&head["alg"], &head["typ"]), (&json!(alg), &json!("JWT")));
            assert!(jwks["keys"].as_array().unwrap().iter().any(|key| key["kid"] == head["kid"]), "{head}");
            let verified = app.app.keys.snapshot.load().verify::<Value>(&answer.body).unwrap();
            let expected = json!({ "iss": app.issuer, "aud": rp.client_id, "sub": ada.id,
                "email": "ada@example.com", "email_verified": true });
            assert_eq!(verified.claims, expected, "{alg}: no nonce, no times");
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_signed_answer_is_no_token_and_a_refusal_is_not_signed() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let metadata =
        json!({ "first_party": true, "userinfo_signed_response_alg": "ES256", "subject_type": "pairwise" });
    let rp = Rp::new(&app, metadata).await;
    let browser = app.browser();
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let token = tokens["access_token"].as_str().unwrap();
    let signed = get(&app, &browser, token, "*/*").await.body;
    assert_eq!(claims(&json!(signed))["sub"], claims(&tokens["id_token"])["sub"]);
    let hinted =
        browser.get(&rp.authorize(&[("id_token_hint", Some(&signed)), ("prompt", Some("none"))])).await;
    assert_eq!(outcome(&app, &hinted), Outcome::error("invalid_request"), "it is no hint");
    for refused in [signed.as_str(), tokens["id_token"].as_str().unwrap(), "nonsense"] {
        let answer = get(&app, &browser, refused, "application/jwt").await;
        assert_eq!(refusal(&answer), (401, "invalid_token".into()));
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(answer.header("www-authenticate").starts_with("Bearer error=\"invalid_token\""));
    }
    app.finish().await;
}

/// The operator no longer signs with it: the client cannot read another form, so that it is told to come again.
#[actix_web::test]
async fn an_answer_that_cannot_be_signed_is_not_given_in_clear() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true, "userinfo_signed_response_alg": "PS256" })).await;
    let browser = app.browser();
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let answer = get(&app, &browser, tokens["access_token"].as_str().unwrap(), "*/*").await;
    assert_eq!(refusal(&answer), (503, "temporarily_unavailable".into()));
    assert!(!answer.header("retry-after").is_empty());
    app.stop().await;
}
