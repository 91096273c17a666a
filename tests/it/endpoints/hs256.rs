//! ID Tokens with a MAC under the client's secret: which secret it is, and such a token as a hint.
//!
//! Holds `keys/jose/mac.rs`.

use countersign::keys::client_secrets::seal_secret;
use countersign::operations::Operation;
use countersign::operations::clients::{self, Old, Rotation};
use countersign::secret::{Token, base64url, from_base64url, hmac, same};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::{Outcome, outcome};
use crate::support::TEST;
use crate::support::app::{REDIRECT, TestApp};
use crate::support::browser::Browser;
use crate::support::rp::{Rp, VERIFIER, claims, header};

fn is_by(id_token: &Value, secret: &str) -> bool {
    let (message, mac) = id_token.as_str().unwrap().rsplit_once('.').unwrap();
    same(&hmac(secret.as_bytes(), &[message.as_bytes()]), &from_base64url(mac).unwrap())
}

/// Redeems a code with this secret in the body.
async fn with(rp: &Rp<'_>, browser: &Browser, secret: &str) -> Value {
    let code = browser.get(&rp.authorize(&[])).await.answered("code").unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_id", rp.client_id.as_str()),
        ("client_secret", secret),
    ];
    let answer = browser.send(browser.request(Method::POST, &rp.app.at("/token")).form(&fields)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

#[actix_web::test]
async fn the_key_is_the_secret_that_the_client_used() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let browser = app.browser();
    let rp = Rp::new(&app, json!({ "first_party": true, "id_token_signed_response_alg": "HS256" })).await;
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let id_token = &tokens["id_token"];
    assert_eq!(header(id_token), json!({ "alg": "HS256", "typ": "JWT" }));
    assert_eq!(header(&tokens["access_token"])["alg"], "ES256", "never an access token");
    assert_eq!((&claims(id_token)["sub"], &claims(id_token)["aud"]), (&json!(ada.id), &json!(rp.client_id)));
    assert!(is_by(id_token, &rp.secret));
    let half = &countersign::secret::sha256(tokens["access_token"].as_str().unwrap().as_bytes())[..16];
    assert_eq!(claims(id_token)["at_hash"], base64url(half));

    let op = Operation::new(&app.app.db, &app.app.state, TEST, app.clock.now());
    let op = op.sealing(&app.app.config.instance_key);
    let rotation = Rotation { old: Old::Lasts(Duration::HOUR), lasts: None };
    let new = clients::rotate_secret(&op, &rp.client_id, rotation).await.unwrap().secret;
    app.keep_secret(new.expose());
    let known = &app.app.clients;
    known.take(&known.look().await.unwrap());
    for secret in [rp.secret.as_str(), new.expose(), &rp.secret] {
        assert!(is_by(&with(&rp, &browser, secret).await["id_token"], secret));
    }
    // Either is a hint while its secret is live, and no longer.
    let hint = id_token.as_str().unwrap();
    let silent = |hint: &str| rp.authorize(&[("prompt", Some("none")), ("id_token_hint", Some(hint))]);
    assert_eq!(outcome(&app, &browser.get(&silent(hint)).await), Outcome::Code);
    app.clock.advance(Duration::HOUR);
    assert_eq!(outcome(&app, &browser.get(&silent(hint)).await), Outcome::error("invalid_request"));
    let newer = with(&rp, &browser, new.expose()).await["id_token"].clone();
    assert_eq!(outcome(&app, &browser.get(&silent(newer.as_str().unwrap())).await), Outcome::Code);
    drop(op);
    app.finish().await;
}

/// A client makes such tokens for itself as it likes: what counts is that no other one can.
#[actix_web::test]
async fn a_hint_with_a_mac_is_of_its_own_client() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let browser = app.browser();
    let hs256 = json!({ "first_party": true, "id_token_signed_response_alg": "HS256" });
    let rp = Rp::new(&app, hs256.clone()).await;
    let other = Rp::new(&app, hs256).await;
    let signed = Rp::new(&app, json!({ "first_party": true })).await;
    let good = rp.tokens(&browser, "ada", &[]).await["id_token"].clone();
    let made = |header: &Value, aud: &str, secret: &str| {
        let mut claims = claims(&good);
        claims["aud"] = json!(aud);
        let encoded = |value: &Value| base64url(value.to_string().as_bytes());
        let message = format!("{}.{}", encoded(header), encoded(&claims));
        format!("{message}.{}", base64url(&hmac(secret.as_bytes(), &[message.as_bytes()])))
    };
    let plain = json!({ "alg": "HS256", "typ": "JWT" });
    let jwks = browser.get(&app.at("/.well-known/jwks.json")).await.json();
    let public = jwks["keys"][0]["n"].as_str().or(jwks["keys"][0]["x"].as_str()).unwrap().to_owned();
    for (what, of, hint, accepted) in [
        ("its own", &rp, made(&plain, &rp.client_id, &rp.secret), true),
        ("another secret", &rp, made(&plain, &rp.client_id, &other.secret), false),
        ("another audience", &rp, made(&plain, &other.client_id, &rp.secret), false),
        ("an unknown audience", &rp, made(&plain, "nobody", &rp.secret), false),
        ("of a client without MACs", &signed, made(&plain, &signed.client_id, &signed.secret), false),
        ("a public key as the secret", &rp, made(&plain, &rp.client_id, &public), false),
        ("crit", &rp, made(&json!({ "alg": "HS256", "crit": ["x"] }), &rp.client_id, &rp.secret), false),
        (
            "another kind",
            &rp,
            made(&json!({ "alg": "HS256", "typ": "at+jwt" }), &rp.client_id, &rp.secret),
            false,
        ),
        ("another alg", &rp, made(&json!({ "alg": "HS384" }), &rp.client_id, &rp.secret), false),
    ] {
        let answer =
            browser.get(&of.authorize(&[("prompt", Some("none")), ("id_token_hint", Some(&hint))])).await;
        let expected = if accepted { Outcome::Code } else { Outcome::error("invalid_request") };
        assert_eq!(outcome(&app, &answer), expected, "{what}");
    }
    app.finish().await;
}

/// The secret rests sealed, bound to its client and its hash.
#[actix_web::test]
async fn a_secret_that_is_kept_opens_for_its_own_client() {
    let app = TestApp::start().await;
    let rp = Rp::new(&app, json!({ "id_token_signed_response_alg": "HS256" })).await;
    let client = app.app.clients.find(&rp.client_id).await.unwrap().unwrap();
    let secret = client.secrets.newest().unwrap().clone();
    let sealed = secret.sealed.clone().unwrap();
    assert!(!sealed.windows(rp.secret.len()).any(|part| part == rp.secret.as_bytes()));
    let keys = &app.app.keys;
    assert_eq!(keys.open_secret(&rp.client_id, &secret).unwrap().unwrap().as_str(), rp.secret);
    assert!(keys.open_secret("other", &secret).is_err());
    let another = seal_secret(&keys.instance, &rp.client_id, Token::generate().expose());
    let exchanged = countersign::protocol::client::ClientSecret { sealed: Some(another), ..secret };
    assert!(keys.open_secret(&rp.client_id, &exchanged).is_err(), "of another secret");
    app.finish().await;
}
