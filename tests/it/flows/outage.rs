//! The state store is away for a while: who is signed in stays signed in.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use countersign::config::StateUrl;
use redis::Commands;
use reqwest::Method;
use serde_json::json;

use crate::support::app::{Options, PASSWORD, TestApp};
use crate::support::redis as server;
use crate::support::rp::Rp;

static REDIS: LazyLock<server::Server> = LazyLock::new(server::Server::start);

fn on_our_redis() -> Options {
    Options { adjust: |config| config.state = StateUrl::Redis(REDIS.url()), ..Options::default() }
}

#[actix_web::test]
async fn redis_is_away_and_nobody_is_signed_out() {
    let app = TestApp::start_with(on_our_redis()).await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let waiting = app.browser();
    let page = waiting.open(&rp.authorize(&[])).await;
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let code = browser.get(&rp.authorize(&[])).await.answered("code").unwrap();

    // Every command now waits longer than anybody's patience.
    let away = Duration::from_secs(12);
    let mut direct = ::redis::Client::open(REDIS.url()).unwrap().get_connection().unwrap();
    let _: () = ::redis::cmd("CLIENT").arg("PAUSE").arg(12000).arg("ALL").query(&mut direct).unwrap();
    let begun = Instant::now();

    let asked = browser.get(&rp.authorize(&[])).await;
    assert_eq!((asked.status.as_u16(), asked.header("retry-after")), (503, "5"), "{}", asked.body);
    assert!(asked.body.contains("You are still signed in"), "{}", asked.body);
    let told = asked.body.matches("the state store cannot be reached").count();
    assert_eq!(told, 1, "the developer is told once: {}", asked.body);
    assert!(!asked.headers.contains_key("set-cookie"), "no cookie is taken away");
    let silent = browser.get(&rp.authorize(&[("prompt", Some("none"))])).await;
    assert_eq!(silent.answered("error").as_deref(), Some("temporarily_unavailable"));
    let redeemed = rp.redeem(&browser, &code, &[]).await;
    assert_eq!((redeemed.status.as_u16(), redeemed.header("retry-after")), (503, "5"));
    assert_eq!(redeemed.json()["error"], "temporarily_unavailable");
    let info = browser.request(Method::GET, &app.at("/userinfo"));
    let info = browser.send(info.bearer_auth(tokens["access_token"].as_str().unwrap())).await;
    assert_eq!(info.status, 503);
    let typed = waiting.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(typed.status, 503);
    assert!(typed.form().fields.contains(&("username".into(), "ada".into())), "the form is kept");
    for public in ["/.well-known/jwks.json", "/.well-known/openid-configuration"] {
        assert_eq!(browser.get(&app.at(public)).await.status, 200, "{public}");
    }
    assert!(begun.elapsed() < away, "all of this was while the store was away");

    // Waits beside the runtime, which has to see which idle connections the server closes meanwhile.
    let over = actix_web::rt::task::spawn_blocking(move || direct.get::<_, Option<String>>("nothing"));
    assert_eq!(over.await.unwrap().unwrap(), None);
    let back = browser.get(&rp.authorize(&[("prompt", Some("none"))])).await;
    assert!(back.answered("code").is_some(), "{:?}", back.destination());
    let typed = waiting.submit(&typed, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert!(typed.answered("code").is_some());
    app.stop().await;
}
