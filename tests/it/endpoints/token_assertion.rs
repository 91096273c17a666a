//! `/token`: clients that prove who they are by an assertion. One that is believed is told that its grant type is none.
//!
//! Holds `web/client_assertion.rs`.

use std::collections::BTreeSet;
use std::time::{Duration as Wait, Instant};

use countersign::operations::Operation;
use countersign::operations::clients::{self, Old, Rotation};
use countersign::protocol::client::SigningAlg;
use countersign::protocol::registration::read;
use serde_json::{Value, json};
use time::Duration;

use super::refusal;
use crate::support::TEST;
use crate::support::app::{Options, REDIRECT, TestApp};
use crate::support::assertion::{ClientKey, claims, send, with_mac};
use crate::support::browser::Browser;

const BELIEVED: (u16, &str) = (400, "unsupported_grant_type");
const REFUSED: (u16, &str) = (401, "invalid_client");

/// Registers a client as the command line does; answers its secret, if it has one.
async fn register(app: &TestApp, id: &str, more: &Value) -> Option<String> {
    let mut members = json!({ "client_id": id, "client_name": id, "redirect_uris": [REDIRECT] });
    members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let Value::Object(members) = members else { panic!("{members}") };
    let registration = read(members, &app.app.config.offered(&app.app.resources.load())).unwrap();
    let op = Operation::new(&app.app.db, &app.app.state, TEST, app.clock.now());
    let op = op.sealing(&app.app.config.instance_key);
    let secret = clients::register(&op, registration).await.unwrap().secret;
    let secret = secret.map(|secret| secret.as_str().to_owned());
    secret.inspect(|secret| app.keep_secret(secret))
}

async fn with_keys(app: &TestApp, id: &str, keys: &[&ClientKey]) {
    let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    let metadata = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": keys } });
    register(app, id, &metadata).await;
}

/// Sends it, and checks what every refusal carries.
async fn told(app: &TestApp, browser: &Browser, assertion: &str, more: &[(&str, &str)]) -> (u16, String) {
    let answer = send(app, browser, assertion, more).await;
    let challenge =
        if answer.status == 401 { format!("Basic realm=\"{}\"", app.issuer) } else { String::new() };
    assert_eq!(answer.header("www-authenticate"), challenge);
    refusal(&answer)
}

fn is((status, code): (u16, &str)) -> (u16, String) {
    (status, code.to_owned())
}

/// The causes that the developer of a client is shown, once all of these are there.
async fn causes(app: &TestApp, client_id: &str, expected: &[&str]) {
    let begun = Instant::now();
    loop {
        let failures = app.app.state.failures.list(client_id, app.clock.now()).await.unwrap();
        let found: BTreeSet<String> = failures.iter().map(|failure| failure.cause.to_string()).collect();
        let missing: Vec<&&str> =
            expected.iter().filter(|what| !found.iter().any(|cause| cause.contains(**what))).collect();
        if missing.is_empty() {
            return;
        }
        assert!(begun.elapsed() < Wait::from_secs(20), "{missing:?} are not among {found:#?}");
        tokio::time::sleep(Wait::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn each_algorithm_proves_the_client_whose_key_it_is() {
    let app = TestApp::start().await;
    let browser = app.browser();
    let keys: Vec<ClientKey> =
        SigningAlg::ALL.into_iter().map(|alg| ClientKey::new(alg, alg.name())).collect();
    with_keys(&app, "app", &keys.iter().collect::<Vec<_>>()).await;
    let another = ClientKey::new(SigningAlg::ES256, "ES256");
    with_keys(&app, "other", &[&another]).await;
    for key in &keys {
        let good = key.assertion(&app, "app", &json!({}));
        assert_eq!(told(&app, &browser, &good, &[]).await, is(BELIEVED), "{}", key.kid);
        assert_eq!(told(&app, &browser, &good, &[]).await, is(REFUSED), "{}: again", key.kid);
        let named = key.assertion(&app, "app", &json!({}));
        assert_eq!(told(&app, &browser, &named, &[("client_id", "app")]).await, is(BELIEVED));
        let nameless =
            key.sign_as(key.alg, &json!({ "alg": key.alg.name() }), &claims(&app, "app", &json!({})));
        assert_eq!(told(&app, &browser, &nameless, &[]).await, is(BELIEVED), "{}: without kid", key.kid);
    }
    // Ed25519 has two names, and one RSA key may sign either way unless the registration says which.
    let of = |kid: &str| keys.iter().find(|key| key.kid == kid).unwrap();
    let header = json!({ "alg": "Ed25519", "kid": "EdDSA" });
    let signed = of("EdDSA").sign_as(SigningAlg::EdDSA, &header, &claims(&app, "app", &json!({})));
    assert_eq!(told(&app, &browser, &signed, &[]).await, is(BELIEVED));
    let header = json!({ "alg": "PS256", "kid": "RS256" });
    let signed = of("RS256").sign_as(SigningAlg::PS256, &header, &claims(&app, "app", &json!({})));
    assert_eq!(told(&app, &browser, &signed, &[]).await, is(BELIEVED));

    // The key of another client, under the name of one of ours; and the public key as the secret of a MAC.
    let header = json!({ "alg": "ES256", "kid": "ES256" });
    let foreign = another.sign_as(SigningAlg::ES256, &header, &claims(&app, "app", &json!({})));
    assert_eq!(told(&app, &browser, &foreign, &[]).await, is(REFUSED));
    let public = of("RS256").jwk()["n"].as_str().unwrap().to_owned();
    let header = json!({ "alg": "HS256", "kid": "RS256" });
    let confused = with_mac(&public, &header, &claims(&app, "app", &json!({})));
    assert_eq!(told(&app, &browser, &confused, &[]).await, is(REFUSED));
    let header = json!({ "alg": "RS256", "kid": "ES256" });
    let misnamed = of("RS256").sign_as(SigningAlg::RS256, &header, &claims(&app, "app", &json!({})));
    assert_eq!(told(&app, &browser, &misnamed, &[]).await, is(REFUSED), "one key, one algorithm");
    causes(
        &app,
        "app",
        &[
            "used before: its jti is known",
            "the signature of the client_assertion is not of the client's key",
            "has a MAC, but this client signs with a key of its own",
            "no key of this client has the kid",
        ],
    )
    .await;
    app.finish().await;
}

#[actix_web::test]
async fn every_wrong_assertion_is_refused_alike_and_explained_to_its_developer() {
    let app = TestApp::start().await;
    let (browser, key) = (app.browser(), ClientKey::new(SigningAlg::ES256, "k"));
    with_keys(&app, "app", &[&key]).await;
    let now = app.clock.now().unix_timestamp();
    let wrong = [
        (json!({ "iss": "other" }), "iss and sub of the client_assertion"),
        (json!({ "sub": null }), "iss and sub of the client_assertion"),
        (json!({ "aud": "https://evil.example" }), "is not this provider's issuer"),
        (json!({ "aud": [app.issuer, "https://evil.example"] }), "must be the only audience"),
        (json!({ "aud": app.at("/token") }), "is not this provider's issuer"),
        (json!({ "exp": null }), "has no exp"),
        (json!({ "exp": now - 60 }), "has expired"),
        (json!({ "exp": now * 1000 }), "in milliseconds"),
        (json!({ "iat": now + 60, "exp": now + 120 }), "dated in the future"),
        (json!({ "nbf": now + 60 }), "dated in the future"),
        (json!({ "jti": null }), "has no jti"),
    ];
    for (changes, _) in &wrong {
        let text = key.assertion(&app, "app", changes);
        assert_eq!(told(&app, &browser, &text, &[]).await, is(REFUSED), "{changes}");
    }
    let good = || key.assertion(&app, "app", &json!({}));
    let cut = good();
    let cut = &cut[..cut.len() - 4];
    let none = format!(
        "{}.",
        with_mac("", &json!({ "alg": "none" }), &claims(&app, "app", &json!({}))).rsplit_once('.').unwrap().0
    );
    let long = format!("{}.{}", good(), "x".repeat(17 * 1024));
    let typed = key.sign_as(
        key.alg,
        &json!({ "alg": "ES256", "kid": "k", "typ": "at+jwt" }),
        &claims(&app, "app", &json!({})),
    );
    for text in [cut, &none, &long, "x", "a.b.c", &typed] {
        assert_eq!(told(&app, &browser, text, &[]).await, is(REFUSED), "{text:.40}");
    }
    assert_eq!(told(&app, &browser, &good(), &[("client_id", "other")]).await, is(REFUSED));
    let strangers = key.assertion(&app, "nobody", &json!({}));
    assert_eq!(told(&app, &browser, &strangers, &[]).await, is(REFUSED));
    assert_eq!(told(&app, &browser, &good(), &[("client_secret", "x")]).await, is((400, "invalid_request")));
    // What is not signed by the client uses up nothing.
    let forged = ClientKey::new(SigningAlg::ES256, "k").assertion(&app, "app", &json!({ "jti": "one" }));
    assert_eq!(told(&app, &browser, &forged, &[]).await, is(REFUSED));
    let mut expected: Vec<&str> = wrong.iter().map(|(_, cause)| *cause).collect();
    expected.extend([
        "the signature of the client_assertion is not of the client's key",
        "is a JWT of another kind",
        "client_id in the body differs from the sub",
    ]);
    causes(&app, "app", &expected).await;
    let first = key.assertion(&app, "app", &json!({ "jti": "one" }));
    assert_eq!(told(&app, &browser, &first, &[]).await, is(BELIEVED));
    let second = key.assertion(&app, "app", &json!({ "jti": "one" }));
    assert_eq!(told(&app, &browser, &second, &[]).await, is(REFUSED), "the name was used");
    app.clock.advance(Duration::seconds(90));
    assert_eq!(
        told(&app, &browser, &first, &[]).await,
        is(REFUSED),
        "and when it is forgotten it has expired"
    );
    app.finish().await;
}

/// OpenID Connect certification, dynamic plan: older clients address their assertions to the endpoint.
#[actix_web::test]
async fn an_operator_may_let_a_client_address_the_token_endpoint() {
    let app = TestApp::start().await;
    let (browser, key) = (app.browser(), ClientKey::new(SigningAlg::ES256, "k"));
    let metadata = json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key.jwk()] },
        "assertion_audience": "issuer_or_token_endpoint",
    });
    register(&app, "older", &metadata).await;
    let discovery = browser.get(&app.at("/.well-known/openid-configuration")).await.json();
    for (aud, expected) in [
        (&discovery["token_endpoint"], BELIEVED),
        (&json!(app.issuer), BELIEVED),
        (&json!("/token"), REFUSED),
        (&json!(app.at("/introspect")), REFUSED),
    ] {
        let assertion = key.assertion(&app, "older", &json!({ "aud": aud }));
        assert_eq!(told(&app, &browser, &assertion, &[]).await, is(expected), "{aud}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_mac_is_made_with_a_live_secret_and_guesses_are_counted() {
    let adjust = |config: &mut countersign::config::Config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    };
    let app = TestApp::start_with(Options { adjust, ..Options::default() }).await;
    let browser = app.browser();
    let method = json!({ "token_endpoint_auth_method": "client_secret_jwt" });
    let first = register(&app, "app", &method).await.unwrap();
    let by = |secret: &str| with_mac(secret, &json!({ "alg": "HS256" }), &claims(&app, "app", &json!({})));
    assert_eq!(told(&app, &browser, &by(&first), &[]).await, is(BELIEVED));
    let op = Operation::new(&app.app.db, &app.app.state, TEST, app.clock.now());
    let op = op.sealing(&app.app.config.instance_key);
    let rotation = Rotation { old: Old::Lasts(Duration::HOUR), lasts: None };
    let second = clients::rotate_secret(&op, "app", rotation).await.unwrap().secret;
    let known = &app.app.clients;
    known.take(&known.look().await.unwrap());
    for secret in [first.as_str(), second.expose()] {
        assert_eq!(told(&app, &browser, &by(secret), &[]).await, is(BELIEVED));
    }
    let key = ClientKey::new(SigningAlg::ES256, "k").assertion(&app, "app", &json!({}));
    assert_eq!(told(&app, &browser, &key, &[]).await, is(REFUSED), "a key is not its method");
    let limits = &app.app.state.client_secret_limits;
    let here = Some("127.0.0.1".parse().unwrap());
    for _ in 0..299 {
        limits.failed("app", here, app.clock.now()).await.unwrap();
    }
    assert_eq!(told(&app, &browser, &by(&first), &[]).await, is(BELIEVED), "nothing else was a guess");
    assert_eq!(told(&app, &browser, &by("wrong"), &[]).await, is(REFUSED));
    assert_eq!(told(&app, &browser, &by(&first), &[]).await, is((429, "temporarily_unavailable")));
    app.clock.advance(Duration::HOUR);
    assert_eq!(told(&app, &browser, &by(&first), &[]).await, is(REFUSED), "the old one has ended");
    assert_eq!(told(&app, &browser, &by(second.expose()), &[]).await, is(BELIEVED));
    drop(op);
    app.finish().await;
}
