//! `/token`: who the client proves to be. A client that is believed is told about its code, so
//! `invalid_grant` here means that it was.
//!
//! Holds `web/client_auth.rs`.

use countersign::operations::Operation;
use countersign::operations::clients::{self, Old, Rotation};
use countersign::protocol::client::Client;
use countersign::store;
use data_encoding::BASE64;
use reqwest::Method;
use serde_json::json;

use super::refusal;
use crate::support::TEST;
use crate::support::app::{Options, REDIRECT, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::registered;

const SECRET: &str = "sEcret-0123456789_abcdefghijklmnopqrstuvwxyz";
/// The pair, form-encoded and in Base64, of the client with the most awkward name and secret.
const AWKWARD: &str = "Basic bXkrY2xpZW50JTNBMTpwJTQwc3MlMkJ3JTI1cmQlM0ElMkYlM0QlQzMlQTk=";

async fn client(app: &TestApp, id: &str, secret: Option<&str>, method: &str, disabled: bool) {
    if let Some(secret) = secret {
        app.keep_secret(secret);
    }
    let client = registered(id, secret, json!({ "token_endpoint_auth_method": method }));
    let client = Client { disabled, ..client };
    assert!(store::clients::add(&app.app.db, &client, TEST, app.clock.now()).await.unwrap());
}

/// A client whose method its operator did not name sends its secret as its library likes; and while a new secret takes the
/// place of the old one, either of them.
#[actix_web::test]
async fn either_secret_by_either_method_convinces_for_a_client_without_a_named_method() {
    let app = TestApp::start().await;
    let client = registered("app", Some("the old secret"), json!({}));
    assert!(store::clients::add(&app.app.db, &client, TEST, app.clock.now()).await.unwrap());
    let op = Operation::new(&app.app.db, &app.app.state, TEST, app.clock.now());
    let day = Rotation { old: Old::Lasts(time::Duration::DAY), lasts: Some(time::Duration::days(2)) };
    let rotated = clients::rotate_secret(&op, "app", day).await.unwrap();
    let (browser, token, new) = (app.browser(), app.at("/token"), rotated.secret.expose());
    app.keep_secret(new);
    let send = async |secret: &str| {
        let header = send(&browser, &token, "app", secret, "192.0.2.1").await.status.as_u16();
        let body = [("client_id", "app"), ("client_secret", secret), ("grant_type", "none")];
        let body = browser.send(browser.request(Method::POST, &token).form(&body)).await;
        (header, body.status.as_u16())
    };
    for (after, old, newer) in
        [(0, 400, 400), (86_300, 400, 400), (100, 401, 400), (86_300, 401, 400), (100, 401, 401)]
    {
        app.clock.advance(time::Duration::seconds(after));
        assert_eq!(send("the old secret").await, (old, old), "{after}");
        assert_eq!(send(new).await, (newer, newer), "{after}");
        assert_eq!(send("neither").await, (401, 401));
    }
    let nothing = browser.request(Method::POST, &token).form(&[("client_id", "app"), ("grant_type", "none")]);
    assert_eq!(browser.send(nothing).await.status, 401, "it is not public");
    drop(op);
    app.finish().await;
}

#[expect(clippy::unnecessary_wraps, reason = "as the rows hold it")]
fn basic(pair: &str) -> Option<String> {
    Some(format!("Basic {}", BASE64.encode(pair.as_bytes())))
}

#[actix_web::test]
async fn a_client_proves_itself_by_its_own_method_and_by_no_other() {
    let app = TestApp::start().await;
    client(&app, "basic", Some(SECRET), "client_secret_basic", false).await;
    client(&app, "post", Some(SECRET), "client_secret_post", false).await;
    client(&app, "public", None, "none", false).await;
    client(&app, "secretless", None, "client_secret_basic", false).await;
    client(&app, "disabled", Some(SECRET), "client_secret_basic", true).await;
    client(&app, "my client:1", Some("p@ss+w%rd:/=\u{e9}"), "client_secret_basic", false).await;
    for id in ["urn", "urn:app:one", "https://sp.example/app"] {
        client(&app, id, Some(SECRET), "client_secret_basic", false).await;
    }
    client(&app, "looks encoded", Some("a+b%41c"), "client_secret_basic", false).await;
    let (believed, refused, confused) =
        ((400, "invalid_grant"), (401, "invalid_client"), (400, "invalid_request"));
    let right = || basic(&format!("basic:{SECRET}"));
    let assertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    #[rustfmt::skip]
    let rows: [(&str, Option<String>, Vec<(&str, &str)>, (u16, &str)); 51] = [
        ("nothing", None, vec![], refused),
        // client_secret_basic
        ("basic", right(), vec![], believed),
        ("scheme in other case", right().map(|h| h.replace("Basic", "bAsIC")), vec![], believed),
        ("same client_id in the body", right(), vec![("client_id", "basic")], believed),
        ("another client_id in the body", right(), vec![("client_id", "post")], refused),
        ("wrong secret", basic("basic:wrong"), vec![], refused),
        ("secret with more at its end", basic(&format!("basic:{SECRET}x")), vec![], refused),
        ("empty secret", basic("basic:"), vec![], refused),
        ("empty secret of a client without one", basic("secretless:"), vec![], refused),
        ("unknown client", basic(&format!("nobody:{SECRET}")), vec![], refused),
        ("unknown client, empty secret", basic("nobody:"), vec![], refused),
        ("disabled client", basic(&format!("disabled:{SECRET}")), vec![], refused),
        ("no colon", basic("basic"), vec![], refused),
        ("empty id", basic(&format!(":{SECRET}")), vec![], refused),
        ("no Base64", Some("Basic ???".into()), vec![], refused),
        ("Base64 of no UTF-8", Some(format!("Basic {}", BASE64.encode(b"basic:\xff"))), vec![], refused),
        ("Base64 with a NUL", basic("basic:\0"), vec![], refused),
        ("nothing after the scheme", Some("Basic".into()), vec![], refused),
        ("Bearer", Some(format!("Bearer {SECRET}")), vec![], refused),
        ("empty header", Some(String::new()), vec![], refused),
        // Both parts are form-encoded first; many clients forget to.
        ("awkward, as the standard says", Some(AWKWARD.into()), vec![], believed),
        ("awkward, body agrees", Some(AWKWARD.into()), vec![("client_id", "my client:1")], believed),
        ("awkward secret, unencoded", basic("my+client%3A1:p@ss+w%rd:/=\u{e9}"), vec![], refused),
        ("looks encoded, encoded", basic("looks+encoded:a%2Bb%2541c"), vec![], believed),
        ("looks encoded, unencoded", basic("looks encoded:a+b%41c"), vec![], believed),
        ("looks encoded, decoded twice", basic("looks encoded:a bAc"), vec![], refused),
        // client_secret_post
        ("post", None, vec![("client_id", "post"), ("client_secret", SECRET)], believed),
        ("post, wrong", None, vec![("client_id", "post"), ("client_secret", "wrong")], refused),
        ("post, empty", None, vec![("client_id", "post"), ("client_secret", "")], refused),
        ("post without client_id", None, vec![("client_secret", SECRET)], refused),
        ("post, unknown", None, vec![("client_id", "nobody"), ("client_secret", SECRET)], refused),
        // The method is the registered one.
        ("post by a basic client", None, vec![("client_id", "basic"), ("client_secret", SECRET)], refused),
        ("basic by a post client", basic(&format!("post:{SECRET}")), vec![], refused),
        ("nothing by a basic client", None, vec![("client_id", "basic")], refused),
        ("nothing by a post client", None, vec![("client_id", "post")], refused),
        // none
        ("public", None, vec![("client_id", "public")], believed),
        ("public with a secret", None, vec![("client_id", "public"), ("client_secret", "x")], refused),
        ("public by Basic", basic("public:"), vec![], believed),
        ("public by Basic, named twice", basic("public:"), vec![("client_id", "public")], believed),
        ("public by Basic with a secret", basic("public:x"), vec![], refused),
        // Ids with colons, which only a form-encoded pair tells apart from the secret.
        ("colons, encoded", basic(&format!("urn%3Aapp%3Aone:{SECRET}")), vec![], believed),
        ("colons, unencoded", basic(&format!("urn:app:one:{SECRET}")), vec![], believed),
        ("colons, and the shorter id is a client's too", basic(&format!("urn:{SECRET}")), vec![], believed),
        ("colons, another client's secret", basic("urn:app:one:wrong"), vec![], refused),
        ("an address", basic(&format!("https://sp.example/app:{SECRET}")), vec![("client_id", "https://sp.example/app")], believed),
        ("public, unknown", None, vec![("client_id", "nobody")], refused),
        // One credential, not several.
        ("basic and post", right(), vec![("client_id", "basic"), ("client_secret", SECRET)], confused),
        ("basic and an assertion", right(), vec![("client_assertion_type", assertion), ("client_assertion", "x")], confused),
        ("post and an assertion", None, vec![("client_id", "post"), ("client_secret", SECRET), ("client_assertion", "x")], confused),
        ("an assertion", None, vec![("client_assertion_type", assertion), ("client_assertion", "a.b.c")], refused),
        ("client_id twice", None, vec![("client_id", "public"), ("client_id", "public")], confused),
    ];
    let browser = app.browser();
    for (what, header, mut fields, (status, error)) in rows {
        fields.extend([
            ("grant_type", "authorization_code"),
            ("code", "unknown"),
            ("redirect_uri", REDIRECT),
        ]);
        let mut request = browser.request(Method::POST, &app.at("/token")).form(&fields);
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let answer = browser.send(request).await;
        assert_eq!(refusal(&answer), (status, error.into()), "{what}");
        // RFC 9110 §15.5.2: a 401 says how to do better, whatever was tried.
        let challenge = if status == 401 { format!("Basic realm=\"{}\"", app.issuer) } else { String::new() };
        assert_eq!(answer.header("www-authenticate"), challenge, "{what}");
    }
    // Two headers are two credentials, even if equal.
    let twice =
        browser.request(Method::POST, &app.at("/token")).form(&[("grant_type", "authorization_code")]);
    let twice = twice.header("authorization", right().unwrap()).header("authorization", right().unwrap());
    assert_eq!(refusal(&browser.send(twice).await), (400, "invalid_request".into()));
    app.finish().await;
}

/// An attacker learns nothing from the text: unknown, disabled, wrong and missing read the same.
#[actix_web::test]
async fn every_refused_client_is_told_the_same() {
    let app = TestApp::start().await;
    client(&app, "basic", Some(SECRET), "client_secret_basic", false).await;
    client(&app, "disabled", Some(SECRET), "client_secret_basic", true).await;
    let browser = app.browser();
    let mut bodies = vec![];
    for pair in
        [format!("nobody:{SECRET}"), format!("disabled:{SECRET}"), "basic:wrong".into(), "basic:".into()]
    {
        let (id, secret) = pair.split_once(':').unwrap();
        let request = browser.request(Method::POST, &app.at("/token")).basic_auth(id, Some(secret));
        let answer = browser.send(request.form(&[("grant_type", "authorization_code"), ("code", "x")])).await;
        bodies.push((answer.status, answer.header("www-authenticate").to_owned(), answer.body));
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    app.finish().await;
}

/// Whichever reading of a pair is tried, what was tried counts for the client whose secret it would be.
#[actix_web::test]
async fn an_id_with_colons_is_no_way_round_the_limit() {
    let app = TestApp::start_with(behind_a_proxy()).await;
    client(&app, "urn", Some(SECRET), "client_secret_basic", false).await;
    client(&app, "urn:app", Some(SECRET), "client_secret_basic", false).await;
    let (browser, token) = (app.browser(), app.at("/token"));
    let send = async |pair: &str| {
        let request = browser.request(Method::POST, &token).form(&[("grant_type", "none")]);
        let header = basic(pair).unwrap();
        let request = request.header("authorization", header).header("x-forwarded-for", "192.0.2.1");
        browser.send(request).await.status.as_u16()
    };
    let now = app.clock.now();
    for _ in 0..299 {
        app.app
            .state
            .client_secret_limits
            .failed("urn:app", Some("192.0.2.1".parse().unwrap()), now)
            .await
            .unwrap();
    }
    assert_eq!(send(&format!("urn:app:{SECRET}")).await, 400, "the right secret");
    assert_eq!(send("urn:app:wrong").await, 401);
    assert_ne!(send(&format!("urn%3Aapp:{SECRET}")).await, 400, "held off");
    assert_ne!(send(&format!("urn:app:{SECRET}")).await, 400, "held off in the other reading too");
    assert_eq!(send(&format!("urn:{SECRET}")).await, 400, "the other client was tried once");
    app.finish().await;
}

/// The raw pair of `sp:two` reads first as a wrong secret of `sp`. It is none where it signs `sp:two` on.
#[actix_web::test]
async fn a_sign_on_of_one_client_is_no_guess_at_another() {
    let app = TestApp::start_with(behind_a_proxy()).await;
    client(&app, "sp", Some(SECRET), "client_secret_basic", false).await;
    client(&app, "sp:two", Some(SECRET), "client_secret_basic", false).await;
    let (browser, token) = (app.browser(), app.at("/token"));
    let send = async |pair: &str| {
        let request = browser.request(Method::POST, &token).form(&[("grant_type", "none")]);
        let request = request.header("authorization", basic(pair).unwrap());
        browser.send(request.header("x-forwarded-for", "192.0.2.1")).await.status.as_u16()
    };
    for _ in 0..298 {
        let from = Some("192.0.2.1".parse().unwrap());
        app.app.state.client_secret_limits.failed("sp", from, app.clock.now()).await.unwrap();
    }
    for _ in 0..3 {
        assert_eq!(send(&format!("sp:two:{SECRET}")).await, 400);
    }
    assert_eq!(send(&format!("sp:{SECRET}")).await, 400, "nothing was counted");
    assert_eq!(send("sp:two:wrong").await, 401);
    assert_eq!(send("sp:two:wrong").await, 401);
    assert_eq!(send(&format!("sp:{SECRET}")).await, 429, "a wrong pair counts for both");
    app.finish().await;
}

/// Of a pair whose client is not known, only what is certainly no secret is written down.
#[actix_web::test]
async fn a_mistyped_client_id_writes_no_secret_into_the_log() {
    let app = TestApp::start().await;
    let browser = app.browser();
    app.keep_secret("pa%ss");
    let request = browser.request(Method::POST, &app.at("/token")).form(&[("grant_type", "none")]);
    let answer = browser.send(request.header("authorization", basic("ap:pa%ss:word").unwrap())).await;
    assert_eq!(answer.status, 401);
    app.finish().await;
}

fn behind_a_proxy() -> Options {
    Options {
        adjust: |config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()],
        ..Options::default()
    }
}

/// 401 is what a client hears that is not believed, and 400 one that is: there is no such grant.
async fn send(browser: &Browser, token: &str, id: &str, secret: &str, from: &str) -> Answer {
    let request = browser.request(Method::POST, token).form(&[("grant_type", "none")]);
    browser.send(request.basic_auth(id, Some(secret)).header("x-forwarded-for", from)).await
}

#[actix_web::test]
async fn wrong_secrets_are_held_off_where_they_come_from() {
    let app = TestApp::start_with(behind_a_proxy()).await;
    client(&app, "basic", Some(SECRET), "client_secret_basic", false).await;
    client(&app, "other", Some(SECRET), "client_secret_basic", false).await;
    let (browser, token) = (app.browser(), app.at("/token"));
    let send = async |id: &str, secret: &str, from: &str| send(&browser, &token, id, secret, from).await;
    client(&app, "public", None, "none", false).await;
    for _ in 0..300 {
        for id in ["basic", "nobody", "public"] {
            assert_eq!(send(id, "wrong", "192.0.2.1").await.status, 401);
        }
    }
    let held_off = send("basic", SECRET, "192.0.2.1").await;
    assert_eq!(
        (held_off.status.as_u16(), &held_off.json()["error"]),
        (429, &json!("temporarily_unavailable"))
    );
    let wait: i64 = held_off.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    for id in ["nobody", "public"] {
        assert_eq!(send(id, "wrong", "192.0.2.1").await.status, 401, "{id}: there is nothing to be guessed");
    }
    assert_eq!(send("other", SECRET, "192.0.2.1").await.status, 400, "another client");
    assert_eq!(send("basic", SECRET, "192.0.2.2").await.status, 400, "a neighbour");
    app.clock.advance(time::Duration::seconds(wait));
    assert_eq!(send("basic", SECRET, "192.0.2.1").await.status, 400, "a minute later");
    app.finish().await;
}

/// An address, and a client, have limits of their own as well; and nobody is shut out of a client by them who
/// has proven himself to be that one.
#[actix_web::test]
async fn wrong_secrets_are_held_off_for_an_address_and_for_a_client() {
    let app = TestApp::start_with(behind_a_proxy()).await;
    for id in ["basic", "other"] {
        client(&app, id, Some(SECRET), "client_secret_basic", false).await;
    }
    let (browser, token) = (app.browser(), app.at("/token"));
    let send = async |id: &str, secret: &str, from: &str| {
        send(&browser, &token, id, secret, from).await.status.as_u16()
    };
    let fail = async |id: &str, from: &str, times: usize| {
        for _ in 0..times {
            app.app
                .state
                .client_secret_limits
                .failed(id, Some(from.parse().unwrap()), app.clock.now())
                .await
                .unwrap();
        }
    };
    // One address, and different clients: none of them is tried too often from there.
    for number in 0..4 {
        fail(&format!("client-{number}"), "192.0.2.1", 249).await;
    }
    fail("client-4", "192.0.2.1", 3).await;
    assert_eq!(send("basic", "wrong", "192.0.2.1").await, 401);
    assert_eq!(send("basic", SECRET, "192.0.2.1").await, 429);
    assert_eq!(send("basic", SECRET, "192.0.2.2").await, 400, "a neighbour");
    app.clock.advance(time::Duration::minutes(1));
    assert_eq!(send("basic", SECRET, "192.0.2.1").await, 400, "a minute later");

    // One client, and different addresses, from none of which it is tried too often.
    for number in 0..2 {
        fail("basic", &format!("198.51.100.{number}"), 299).await;
    }
    assert_eq!(send("basic", SECRET, "203.0.113.1").await, 400, "the client itself");
    for number in 2..10 {
        fail("basic", &format!("198.51.100.{number}"), 299).await;
    }
    fail("basic", "198.51.100.11", 9).await;
    assert_eq!(send("basic", "wrong", "198.51.100.12").await, 401);
    assert_eq!(send("basic", SECRET, "198.51.100.13").await, 429, "from where nobody knows it");
    assert_eq!(send("basic", SECRET, "203.0.113.1").await, 400, "from where it has proven itself");
    assert_eq!(send("other", SECRET, "198.51.100.13").await, 400, "another client");
    app.clock.advance(time::Duration::minutes(1));
    assert_eq!(send("basic", SECRET, "198.51.100.13").await, 400, "a minute later");

    // Of IPv6 one visitor has a whole network.
    for number in 0..30 {
        fail("other", &format!("2001:db8:0:1{number:02}::{number}"), 10).await;
    }
    assert_eq!(send("other", SECRET, "2001:db8:0:1ff::1").await, 429);
    assert_eq!(send("other", SECRET, "2001:db8:0:200::1").await, 400, "a neighbour");
    app.finish().await;
}
