//! A store is away for a while: who is signed in stays signed in, and no token is judged without it.

use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use countersign::config::StateUrl;
use countersign::db::Url;
use countersign::keys::instance::{Given, Source};
use redis::Commands;
use reqwest::Method;
use serde_json::json;

use crate::support::app::{Options, PASSWORD, TestApp};
use crate::support::postgres::Server;
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
    let asked = browser.request(Method::POST, &app.at("/introspect"));
    let asked = asked.basic_auth(&rp.client_id, Some(&rp.secret));
    let asked = browser.send(asked.form(&[("token", tokens["access_token"].as_str().unwrap())])).await;
    assert_eq!(
        (asked.status.as_u16(), asked.header("retry-after")),
        (503, "5"),
        "no verdict: {}",
        asked.body
    );
    assert_eq!(asked.json()["error"], "temporarily_unavailable");
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

static POSTGRES: LazyLock<Mutex<Option<Server>>> = LazyLock::new(|| Mutex::new(Some(Server::start())));
static DATABASE: LazyLock<String> =
    LazyLock::new(|| POSTGRES.lock().unwrap().as_ref().expect("it runs").database());

fn on_our_postgres() -> Options {
    let adjust = |config: &mut countersign::config::Config| {
        config.database = Url::parse(&DATABASE).unwrap();
        config.instance_key = Source::Given(Given("A".repeat(43)));
        config.state = StateUrl::Redis(server::url());
    };
    Options { adjust, ..Options::default() }
}

/// A token that cannot be judged is not called inactive, and a revocation that was not recorded is not called done.
#[actix_web::test]
async fn without_the_database_no_token_is_judged_and_none_revoked() {
    let app = TestApp::start_with(on_our_postgres()).await;
    let rp = Rp::new(&app, json!({ "grant_types": ["client_credentials"] })).await;
    let browser = app.browser();
    let send = async |path: &str, fields: &[(&str, &str)]| {
        let request = browser.request(Method::POST, &app.at(path));
        browser.send(request.basic_auth(&rp.client_id, Some(&rp.secret)).form(fields)).await
    };
    let tokens = send("/token", &[("grant_type", "client_credentials")]).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    let postgres = POSTGRES.lock().unwrap().take().unwrap();
    let paused = actix_web::rt::task::spawn_blocking(move || postgres.pause()).await.unwrap();
    for path in ["/introspect", "/revoke"] {
        let answer = send(path, &[("token", token)]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("retry-after")),
            (503, "5"),
            "{path}: {}",
            answer.body
        );
        assert_eq!(answer.json()["error"], "temporarily_unavailable", "{path}");
    }
    let resumed = actix_web::rt::task::spawn_blocking(move || paused.resume()).await.unwrap();
    *POSTGRES.lock().unwrap() = Some(resumed);
    let begun = Instant::now();
    let answer = loop {
        let answer = send("/introspect", &[("token", token)]).await;
        if answer.status != 503 {
            break answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "the database is not found again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!((answer.status.as_u16(), &answer.json()["active"]), (200, &json!(true)), "{}", answer.body);
    app.stop().await;
}
