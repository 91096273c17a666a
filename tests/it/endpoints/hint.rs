//! `id_token_hint`: it selects a person, it authenticates nobody, and only a token of ours for this
//! client is one.

use countersign::keys::jose::{KeyPair, Signer};
use countersign::protocol::client::SigningAlg;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use time::Duration;

use super::{Outcome, outcome};
use crate::support::app::TestApp;
use crate::support::rp::{Rp, claims, header};

/// Tokens that look like `good` and are not it: what was done, and the token.
pub fn forgeries(good: &Value, access_token: &Value) -> Vec<(&'static str, String)> {
    let text = good.as_str().unwrap();
    let [head, body, signature] = text.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let encode = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let kid = header(good)["kid"].clone();
    let unsigned = |alg: &str| encode(&json!({ "alg": alg, "typ": "JWT", "kid": kid }));
    let mut other_sub = claims(good);
    other_sub["sub"] = json!("somebody-else");
    let mut far = claims(good);
    far["exp"] = serde_json::from_str("1e300").unwrap();
    let foreign = |alg, kid: &str| {
        let key = KeyPair::generate(alg, 2048).unwrap();
        Signer::new(alg, kid, &key.private_der).unwrap().sign("JWT", &claims(good)).unwrap()
    };
    let mut flipped = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    flipped[7] ^= 1;
    vec![
        ("alg none", format!("{}.{body}.", unsigned("none"))),
        ("alg none, old signature", format!("{}.{body}.{signature}", unsigned("none"))),
        ("alg NONE", format!("{}.{body}.", unsigned("NONE"))),
        ("alg nOnE", format!("{}.{body}.", unsigned("nOnE"))),
        ("alg HS256", format!("{}.{body}.{signature}", unsigned("HS256"))),
        ("alg PS256", format!("{}.{body}.{signature}", unsigned("PS256"))),
        ("alg RS512", format!("{}.{body}.{signature}", unsigned("RS512"))),
        ("no signature", format!("{head}.{body}.")),
        ("two parts", format!("{head}.{body}")),
        ("four parts", format!("{text}.{signature}")),
        ("one bit of the signature", format!("{head}.{body}.{}", BASE64URL_NOPAD.encode(&flipped))),
        ("another subject", format!("{head}.{}.{signature}", encode(&other_sub))),
        ("exp of 1e300", format!("{head}.{}.{signature}", encode(&far))),
        ("a foreign key under our kid", foreign(SigningAlg::ES256, kid.as_str().unwrap())),
        ("a foreign key under its own kid", foreign(SigningAlg::ES256, "theirs")),
        (
            "a kid that is no text",
            format!("{}.{body}.{signature}", encode(&json!({ "alg": "RS256", "kid": 5 }))),
        ),
        ("no kid", format!("{}.{body}.{signature}", encode(&json!({ "alg": "RS256" })))),
        ("a header that is a list", format!("{}.{body}.{signature}", encode(&json!([])))),
        ("a header that is no JSON", format!("e30e30.{body}.{signature}")),
        ("an access token", access_token.as_str().unwrap().to_owned()),
        ("padded", format!("{text}==")),
        ("dots", "..".into()),
        ("17 KiB", "a".repeat(17 * 1024)),
    ]
}

/// A token signed by ourselves that we would never issue.
pub fn signed_by_us(app: &TestApp, typ: &str, claims: &Value) -> String {
    app.app.keys.snapshot.load().sign(SigningAlg::RS256, typ, claims).unwrap()
}

#[actix_web::test]
async fn a_hint_selects_whom_it_names_and_a_bad_one_is_refused() {
    let app = TestApp::start().await;
    app.user("ada").await;
    app.user("grace").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let other = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let good = tokens["id_token"].as_str().unwrap();
    let others = other.tokens(&app.browser(), "ada", &[]).await;
    let graces = rp.tokens(&app.browser(), "grace", &[]).await;
    let ask = async |hint: &str, prompt: Option<&str>| {
        let answer = browser.get(&rp.authorize(&[("id_token_hint", Some(hint)), ("prompt", prompt)])).await;
        outcome(&app, &answer)
    };
    assert_eq!(ask(good, Some("none")).await, Outcome::Code);
    assert_eq!(ask(good, None).await, Outcome::Code);
    assert_eq!(ask(good, Some("login")).await, Outcome::Login, "it authenticates nobody");
    let graces = graces["id_token"].as_str().unwrap();
    assert_eq!(ask(graces, Some("none")).await, Outcome::error("login_required"));
    assert_eq!(ask(graces, None).await, Outcome::Login);
    assert_eq!(ask(others["id_token"].as_str().unwrap(), None).await, Outcome::error("invalid_request"));
    for (what, forged) in forgeries(&tokens["id_token"], &tokens["access_token"]) {
        assert_eq!(ask(&forged, Some("none")).await, Outcome::error("invalid_request"), "{what}");
    }
    // Signed with our own key, and still not an ID Token of this client.
    let claims = claims(&tokens["id_token"]);
    let changed = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let rows = [
        ("typ", signed_by_us(&app, "at+jwt", &claims)),
        ("logout token", signed_by_us(&app, "logout+jwt", &claims)),
        ("issuer", signed_by_us(&app, "JWT", &changed("iss", json!("https://evil.example")))),
        ("audience", signed_by_us(&app, "JWT", &changed("aud", json!("another")))),
        ("no subject", signed_by_us(&app, "JWT", &changed("sub", Value::Null))),
        ("no claims", signed_by_us(&app, "JWT", &json!({}))),
        ("a list", signed_by_us(&app, "JWT", &json!([1]))),
    ];
    for (what, token) in rows {
        assert_eq!(ask(&token, Some("none")).await, Outcome::error("invalid_request"), "{what}");
    }
    // Old is fine: hints outlive tokens.
    app.clock.advance(Duration::hours(7));
    assert_eq!(ask(good, Some("none")).await, Outcome::Code);
    // Nobody signed in, or the wrong person signs in.
    let stranger = app.browser();
    let silent =
        stranger.get(&rp.authorize(&[("id_token_hint", Some(good)), ("prompt", Some("none"))])).await;
    assert_eq!(outcome(&app, &silent), Outcome::error("login_required"));
    let wrong = rp.sign_in(&stranger, "grace", &[("id_token_hint", Some(good))]).await;
    assert_eq!(outcome(&app, &wrong), Outcome::error("login_required"));
    app.finish().await;
}
