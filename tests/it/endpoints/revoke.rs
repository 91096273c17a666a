//! `/revoke`: who may revoke which token, and that it is dead at once everywhere.

use std::sync::{Arc, LazyLock};

use countersign::config::{Config, StateUrl};
use countersign::db::Url;
use countersign::keys::instance::InstanceKeys;
use countersign::protocol::client::SigningAlg;
use countersign::store::clients;
use data_encoding::BASE64URL_NOPAD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::EcGroup;
use openssl::nid::Nid;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::hint::forgeries;
use super::introspect::{both, introspect, own_token, told};
use super::{failures, refusal};
use crate::store::{lines, trail};
use crate::support::TEST;
use crate::support::app::{Options, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::{Rp, claims, registered};
use crate::support::{postgres, redis};

/// Gives a token back.
async fn revoke(rp: &Rp<'_>, browser: &Browser, token: &str) -> Answer {
    let request = browser.request(Method::POST, &rp.app.at("/revoke"));
    let request = request.basic_auth(&rp.client_id, Some(&rp.secret));
    browser.send(request.form(&[("token", token)])).await
}

/// The answer to every request that is understood: nothing.
fn is_done(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
}

async fn userinfo(app: &TestApp, browser: &Browser, token: &str) -> u16 {
    let request = browser.request(Method::GET, &app.at("/userinfo"));
    browser.send(request.bearer_auth(token)).await.status.as_u16()
}

/// The tokens that are recorded as dead.
fn dead(app: &TestApp) -> Vec<String> {
    lines(&app.app.db, "SELECT jti AS line FROM dead_tokens")
}

/// The other valid spelling of an ES256 signature: the order of the curve minus `s`.
fn respelled(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    let (r, s) = bytes.split_at(32);
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let (mut order, mut context) = (BigNum::new().unwrap(), BigNumContext::new().unwrap());
    group.order(&mut order, &mut context).unwrap();
    let other = &order - &BigNum::from_slice(s).unwrap();
    let signature = [r, &other.to_vec_padded(32).unwrap()].concat();
    format!("{message}.{}", BASE64URL_NOPAD.encode(&signature))
}

#[actix_web::test]
async fn the_request_is_read_strictly() {
    let app = TestApp::start().await;
    let rp = Rp::new(&app, both()).await;
    let public = registered("public", None, json!({ "token_endpoint_auth_method": "none" }));
    clients::add(&app.app.db, &public, TEST, app.clock.now()).await.unwrap();
    let browser = app.browser();
    let form = Some("application/x-www-form-urlencoded");
    let basic = Some((rp.client_id.as_str(), rp.secret.as_str()));
    let large = format!("token={}", "a".repeat(70_000));
    let (fine, invalid, refused) = ((200, ""), (400, "invalid_request"), (401, "invalid_client"));
    #[rustfmt::skip]
    let rows = [
        (form, "token=x", basic, fine),
        (form, "token=x&token_type_hint=access_token", basic, fine),
        (form, "token=x&token_type_hint=refresh_token", basic, fine),
        (form, "token=x&token_type_hint=nonsense", basic, fine),
        (form, "token=x&client_id=public", None, fine),
        (form, "token=x", Some(("public", "")), fine),
        (form, "", basic, invalid),
        (form, "token=", basic, invalid),
        (form, "token_type_hint=access_token", basic, invalid),
        (form, "token=x&token=x", basic, invalid),
        (form, "token=%zz", basic, invalid),
        (form, &large, basic, (413, "invalid_request")),
        (Some("application/json"), "{\"token\":\"x\"}", basic, invalid),
        (None, "token=x", basic, invalid),
        (form, "token=x", None, refused),
        (form, "token=x", Some((rp.client_id.as_str(), "wrong")), refused),
        (form, "token=x&client_id=nobody", None, refused),
        (form, "token=", None, refused),
    ];
    for (content_type, body, credentials, (status, error)) in rows {
        let mut request = browser.request(Method::POST, &app.at("/revoke")).body(body.to_owned());
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        if let Some((id, secret)) = credentials {
            request = request.basic_auth(id, Some(secret));
        }
        let answer = browser.send(request).await;
        let shown = &body[..body.len().min(60)];
        if status == 200 {
            is_done(&answer);
        } else {
            assert_eq!(refusal(&answer), (status, error.into()), "{shown} {credentials:?}");
        }
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = browser.send(browser.request(method.clone(), &app.at("/revoke?token=x"))).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST, OPTIONS"), "{method}");
    }
    assert!(dead(&app).is_empty());
    app.finish().await;
}

#[actix_web::test]
async fn a_revoked_token_is_dead_at_once_however_it_is_spelled() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, both()).await;
    let browser = app.browser();
    let first = rp.tokens(&browser, "ada", &[]).await["access_token"].as_str().unwrap().to_owned();
    let code = browser.get(&rp.authorize(&[])).await.answered("code").unwrap();
    let second = rp.redeem(&browser, &code, &[]).await.json()["access_token"].as_str().unwrap().to_owned();
    let active = async |token: &str| told(&rp, &browser, token).await["active"] == json!(true);
    // Either spelling of a signature is good, and kills both.
    for (token, given_back) in [(&first, first.clone()), (&second, respelled(&second))] {
        let other = respelled(token);
        assert_ne!(&other, token);
        for spelled in [token, &other] {
            assert_eq!((userinfo(&app, &browser, spelled).await, active(spelled).await), (200, true));
        }
        is_done(&revoke(&rp, &browser, &given_back).await);
        for spelled in [token, &other] {
            assert_eq!((userinfo(&app, &browser, spelled).await, active(spelled).await), (401, false));
        }
        is_done(&revoke(&rp, &browser, &other).await);
    }
    // What the client has for itself: one is dead, the other is not.
    let (own, kept) = (own_token(&rp, &browser).await, own_token(&rp, &browser).await);
    is_done(&revoke(&rp, &browser, &own).await);
    assert!(!active(&own).await && active(&kept).await);
    // The session is as it was.
    assert!(browser.get(&rp.authorize(&[("prompt", Some("none"))])).await.answered("code").is_some());
    let jti = |token: &str| claims(&json!(token))["jti"].as_str().unwrap().to_owned();
    let (mut found, mut expected) = (dead(&app), [&first, &second, &own].map(|token| jti(token)).to_vec());
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let events: Vec<String> =
        trail(&app.app.db).into_iter().filter(|line| line.contains("token.revoked")).collect();
    assert_eq!(events.len(), 3, "each is told once: {events:#?}");
    app.finish().await;
}

#[actix_web::test]
async fn what_is_not_the_clients_own_living_token_is_left_alone() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let (rp, other) = (Rp::new(&app, both()).await, Rp::new(&app, both()).await);
    let browser = app.browser();
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let token = tokens["access_token"].as_str().unwrap();
    for (what, forged) in forgeries(&tokens["access_token"], &tokens["id_token"]) {
        let answer = revoke(&rp, &browser, &forged).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""), "{what}");
    }
    is_done(&revoke(&rp, &browser, tokens["id_token"].as_str().unwrap()).await);
    is_done(&revoke(&other, &browser, token).await);
    assert_eq!(userinfo(&app, &browser, token).await, 200);
    let mut strange = claims(&tokens["access_token"]);
    strange["jti"] = json!("AAAA");
    let strange = app.app.keys.snapshot.load().sign(SigningAlg::ES256, "at+jwt", &strange).unwrap();
    is_done(&revoke(&rp, &browser, &strange).await);
    let told = failures(&app, &other.client_id, 1).await;
    let causes: Vec<String> = told.iter().map(|failure| failure.cause.to_string()).collect();
    let expected = format!("the token was issued to another client; issued to {:?}", rp.client_id);
    assert_eq!((causes, told[0].endpoint.as_str()), (vec![expected], "/revoke"));
    // One second before its end it can be revoked, at its end there is nothing to revoke.
    let early = own_token(&rp, &browser).await;
    let left = claims(&json!(early))["exp"].as_i64().unwrap() - app.clock.now().unix_timestamp();
    app.clock.advance(Duration::seconds(left));
    is_done(&revoke(&rp, &browser, &early).await);
    assert!(dead(&app).is_empty(), "{:?}", dead(&app));
    let late = own_token(&rp, &browser).await;
    let left = claims(&json!(late))["exp"].as_i64().unwrap() - app.clock.now().unix_timestamp();
    app.clock.advance(Duration::seconds(left - 1));
    is_done(&revoke(&rp, &browser, &late).await);
    assert_eq!(dead(&app).len(), 1);
    app.finish().await;
}

#[actix_web::test]
async fn a_public_client_revokes_by_its_name_and_from_its_own_origin() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let metadata = json!({ "token_endpoint_auth_method": "none", "first_party": true,
        "allowed_cors_origins": ["https://spa.example"] });
    let public = registered("spa", None, metadata);
    clients::add(&app.app.db, &public, TEST, app.clock.now()).await.unwrap();
    let rp = Rp { app: &app, client_id: "spa".into(), secret: String::new(), is_public: true };
    let browser = app.browser();
    let token = rp.tokens(&browser, "ada", &[]).await["access_token"].as_str().unwrap().to_owned();
    let ask = async |origin: &str| {
        let request = browser.request(Method::POST, &app.at("/revoke")).header("origin", origin);
        browser.send(request.form(&[("token", token.as_str()), ("client_id", "spa")])).await
    };
    let foreign = ask("https://evil.example").await;
    assert_eq!(refusal(&foreign), (400, "invalid_request".into()));
    assert_eq!(userinfo(&app, &browser, &token).await, 200, "nothing is spent");
    let own = ask("https://spa.example").await;
    is_done(&own);
    assert_eq!(own.header("access-control-allow-origin"), "https://spa.example");
    assert_eq!(userinfo(&app, &browser, &token).await, 401);
    let preflight =
        browser.request(Method::OPTIONS, &app.at("/revoke")).header("origin", "https://spa.example");
    let preflight = browser.send(preflight.header("access-control-request-method", "POST")).await;
    let allowed = (preflight.status.as_u16(), preflight.header("access-control-allow-methods"));
    assert_eq!(allowed, (204, "POST"));
    app.finish().await;
}

/// What the nodes have in common: the database, and the address they are known by, which is the first one's.
static DATABASE: LazyLock<String> = LazyLock::new(postgres::database);
static PORT: LazyLock<u16> = LazyLock::new(redis::free_port);

fn node() -> Options {
    let adjust = |config: &mut Config| {
        config.database = Url::parse(&DATABASE).unwrap();
        config.state = StateUrl::Redis(redis::url());
        config.origin = format!("http://127.0.0.1:{}", *PORT);
        config.issuer.clone_from(&config.origin);
    };
    Options { adjust, ..Options::default() }
}

#[actix_web::test]
async fn every_node_sees_a_revocation_at_once() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    InstanceKeys::create(&folder.path().join("keys/instance.key")).unwrap();
    let here = TestApp::start_in(Arc::clone(&folder), *PORT, node()).await;
    let there_port = redis::free_port();
    let there = TestApp::start_in(folder, there_port, node()).await;
    here.user("ada").await;
    let rp = Rp::new(&here, both()).await;
    let browser = here.browser();
    let at_there = async |path: &str, token: &str| {
        let url = format!("http://127.0.0.1:{there_port}{path}");
        let request = if path == "/userinfo" {
            browser.request(Method::GET, &url).bearer_auth(token)
        } else {
            let request = browser.request(Method::POST, &url).basic_auth(&rp.client_id, Some(&rp.secret));
            request.form(&[("token", token)])
        };
        browser.send(request).await
    };
    let token = rp.tokens(&browser, "ada", &[]).await["access_token"].as_str().unwrap().to_owned();
    let own = own_token(&rp, &browser).await;
    assert_eq!(at_there("/userinfo", &token).await.status, 200);
    for token in [&token, &own] {
        assert_eq!(at_there("/introspect", token).await.json()["active"], json!(true));
        is_done(&at_there("/revoke", token).await);
        let answer = introspect(&rp, &browser, token).await;
        assert_eq!(answer.json(), json!({ "active": false }));
        let answer: Value = at_there("/introspect", token).await.json();
        assert_eq!(answer, json!({ "active": false }));
    }
    assert_eq!(
        (userinfo(&here, &browser, &token).await, at_there("/userinfo", &token).await.status.as_u16()),
        (401, 401)
    );
    there.finish().await;
    here.finish().await;
}
