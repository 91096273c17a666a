//! `/livez` and `/readyz`: what they answer, and what they cost.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use countersign::config::{Config, StateUrl};
use countersign::db::Url;
use countersign::keys::instance::{Given, Source};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{Options, TestApp};
use crate::support::{browser::Browser, log, postgres, redis};

/// What is there when nothing is missing.
fn all_well() -> Value {
    json!({ "ready": true, "draining": false, "database": "ok", "state": "ok" })
}

/// Asks until the answer is the one that is waited for, for as long as a loaded machine may take.
async fn until(browser: &Browser, url: &str, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let answer = browser.get(url).await;
        let found = answer.json();
        assert_eq!(answer.status == 200, found["ready"] == json!(true), "{found}");
        if is_it(&found) {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "never {what}: {found}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn both_answer_inside_and_outside_the_issuers_path_and_leave_no_line() {
    let app = TestApp::start_with(Options { path: "/tenant", ..Options::default() }).await;
    let browser = app.browser();
    let origin = app.issuer.trim_end_matches("/tenant").to_owned();
    let mut ids = vec![];
    for place in [&origin, &app.issuer] {
        for (path, body) in [("/livez", "ok\n".to_owned()), ("/readyz", all_well().to_string())] {
            let url = format!("{place}{path}");
            let get = browser.get(&url).await;
            assert_eq!((get.status.as_u16(), get.body.as_str()), (200, body.as_str()), "{url}");
            let head = browser.send(browser.request(Method::HEAD, &url)).await;
            assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""), "{url}");
            ids.extend([&get, &head].map(|answer| answer.header("x-request-id").to_owned()));
            let post = browser.send(browser.request(Method::POST, &url)).await;
            assert_eq!((post.status.as_u16(), post.header("allow")), (405, "GET, HEAD"), "{url}");
        }
        let beside = browser.get(&format!("{place}/livez/")).await;
        assert_eq!(beside.status, 404);
    }
    let loud: Vec<String> =
        log::of_requests(&ids).into_iter().filter(|line| !line.contains("DEBUG")).collect();
    assert!(loud.is_empty(), "a probe each second would fill the log: {loud:?}");
    app.finish().await;
}

#[actix_web::test]
async fn a_draining_node_lives_and_is_not_ready() {
    let app = TestApp::start().await;
    let browser = app.browser();
    assert_eq!(browser.get(&app.at("/readyz")).await.json(), all_well());
    app.app.drain.begin();
    let ready = browser.get(&app.at("/readyz")).await;
    assert_eq!((ready.status.as_u16(), ready.json()["draining"].clone()), (503, json!(true)));
    assert_eq!(browser.get(&app.at("/livez")).await.status, 200);
    assert_eq!(browser.get(&app.at("/")).await.status, 200, "what comes all the same is served");
    app.finish().await;
}

static REDIS: LazyLock<redis::Server> = LazyLock::new(redis::Server::start);

#[actix_web::test]
async fn a_flood_of_probes_is_no_flood_on_redis() {
    let adjust = |config: &mut Config| config.state = StateUrl::Redis(REDIS.url());
    let app = TestApp::start_with(Options { adjust, ..Options::default() }).await;
    let browser = app.browser();
    let mut direct = ::redis::Client::open(REDIS.url()).unwrap().get_connection().unwrap();
    let begun = Instant::now();
    for _ in 0..10 {
        let url = app.at("/readyz");
        let answers = join_all((0..50).map(|_| browser.get(&url))).await;
        assert!(answers.iter().all(|answer| answer.status == 200));
    }
    let seconds = begun.elapsed().as_secs();
    let stats: String = ::redis::cmd("INFO").arg("commandstats").query(&mut direct).unwrap();
    let sets = stats.lines().find_map(|line| line.strip_prefix("cmdstat_set:calls=")).unwrap();
    let sets: u64 = sets.split(',').next().unwrap().parse().unwrap();
    assert!((1..=seconds + 2).contains(&sets), "500 probes within {seconds} s asked {sets} times");
    app.finish().await;
}

static FROZEN: LazyLock<redis::Server> = LazyLock::new(redis::Server::start);

#[actix_web::test]
async fn a_redis_that_is_silent_or_refuses_writes_is_told_in_words() {
    let adjust = |config: &mut Config| {
        config.state = StateUrl::Redis(FROZEN.url().replace("redis://", "redis://:the-password@"));
    };
    let mut direct = ::redis::Client::open(FROZEN.url()).unwrap().get_connection().unwrap();
    let mut tell = |words: &[&str]| {
        let _: ::redis::Value = ::redis::cmd(words[0]).arg(&words[1..]).query(&mut direct).unwrap();
    };
    tell(&["CONFIG", "SET", "requirepass", "the-password"]);
    let app = TestApp::start_with(Options { adjust, ..Options::default() }).await;
    app.keep_secret("the-password");
    let (browser, url) = (app.browser(), app.at("/readyz"));
    until(&browser, &url, "ready", |found| *found == all_well()).await;

    tell(&["REPLICAOF", "127.0.0.1", &redis::free_port().to_string()]);
    let demoted = until(&browser, &url, "demoted", |found| found["state"] != "ok").await;
    assert_eq!(
        demoted,
        json!({ "ready": false, "draining": false, "database": "ok", "state": "unreachable" })
    );
    tell(&["REPLICAOF", "NO", "ONE"]);
    until(&browser, &url, "ready", |found| *found == all_well()).await;

    tell(&["CLIENT", "PAUSE", "4000", "ALL"]);
    let silent = until(&browser, &url, "silent", |found| found["state"] != "ok").await;
    assert_eq!(silent["database"], "ok", "{silent}");
    assert!(!silent.to_string().contains("127.0.0.1"), "{silent}");
    assert_eq!(browser.get(&app.at("/livez")).await.status, 200);
    until(&browser, &url, "ready", |found| *found == all_well()).await;
    app.finish().await;
}

static DATABASE: LazyLock<std::sync::Mutex<Option<postgres::Server>>> =
    LazyLock::new(|| std::sync::Mutex::new(Some(postgres::Server::start())));

#[actix_web::test]
async fn a_postgres_that_is_away_is_told_and_its_return_too() {
    let adjust = |config: &mut Config| {
        let server = DATABASE.lock().unwrap();
        config.database = Url::parse(&server.as_ref().unwrap().database()).unwrap();
        config.instance_key = Source::Given(Given("A".repeat(43)));
    };
    let app = TestApp::start_with(Options { adjust, ..Options::default() }).await;
    let (browser, url) = (app.browser(), app.at("/readyz"));
    assert_eq!(browser.get(&url).await.json(), all_well());
    let paused = DATABASE.lock().unwrap().take().unwrap().pause();
    let away = until(&browser, &url, "away", |found| found["database"] != "ok").await;
    assert_eq!(away["ready"], json!(false));
    assert!(!away.to_string().contains("postgres"), "{away}");
    assert_eq!(browser.get(&app.at("/livez")).await.status, 200);
    let _server = paused.resume();
    until(&browser, &url, "ready", |found| *found == all_well()).await;
    app.finish().await;
}
