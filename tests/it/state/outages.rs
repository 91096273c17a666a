//! Unreachable is not absent: while a store is away every verb says so, and when it is back the same
//! `Kv` works again.

use std::time::Instant;

use countersign::db::{Db, Durability, Url};
use countersign::state::kv::{Key, Kv};
use countersign::state::{MIGRATIONS, StateError};
use futures_util::future::{LocalBoxFuture, join_all};
use time::{Duration, OffsetDateTime};

use crate::support::{postgres, redis};

/// How long anybody waits at most to be told that a store is away.
const PATIENCE: Duration = Duration::seconds(5);

/// Asks through every verb at once.
async fn ask(kv: &Kv) -> Vec<(&'static str, Result<(), StateError>)> {
    let (key, now) = (&Key::new('x', "outage"), OffsetDateTime::now_utc());
    let exp = now + Duration::minutes(1);
    let (counter, set) = (&Key::new('x', "counter"), &Key::new('x', "set"));
    let asked: Vec<(&str, LocalBoxFuture<'_, Result<(), StateError>>)> = vec![
        ("get", Box::pin(async move { kv.get(key, now).await.map(drop) })),
        ("put", Box::pin(async move { kv.put(key, b"value", exp).await })),
        ("put_new", Box::pin(async move { kv.put_new(key, b"value", exp, now).await.map(drop) })),
        ("swap", Box::pin(async move { kv.swap(key, b"value", b"other", exp, now).await.map(drop) })),
        ("spend", Box::pin(async move { kv.spend(key, exp, now).await.map(drop) })),
        ("hit", Box::pin(async move { kv.hit(counter, Duration::minutes(1), now).await.map(drop) })),
        ("index_add", Box::pin(async move { kv.index_add(set, "member", exp, now).await })),
        ("index_list", Box::pin(async move { kv.index_list(set, now).await.map(drop) })),
        ("index_del", Box::pin(async move { kv.index_del(set, "member").await })),
        ("del", Box::pin(async move { kv.del(key).await })),
    ];
    join_all(asked.into_iter().map(async |(verb, answer)| (verb, answer.await))).await
}

async fn is_away(kv: &Kv) {
    for _ in 0..2 {
        let begun = Instant::now();
        for (verb, answer) in ask(kv).await {
            assert!(matches!(answer, Err(StateError::Unreachable(_))), "{verb}: {answer:?}");
        }
        assert!(begun.elapsed() < PATIENCE, "it takes {:?} to say so", begun.elapsed());
    }
}

async fn comes_back(kv: &Kv) {
    let begun = Instant::now();
    loop {
        let answers = ask(kv).await;
        if answers.iter().all(|(_, answer)| answer.is_ok()) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not come back: {answers:?}");
    }
}

async fn is_there(kv: &Kv) {
    let answers = ask(kv).await;
    assert!(answers.iter().all(|(_, answer)| answer.is_ok()), "{answers:?}");
}

#[actix_web::test]
async fn redis_is_away_and_comes_back() {
    let server = redis::Server::start();
    let port = server.port;
    let kv = Kv::redis(&server.url()).unwrap();
    is_there(&kv).await;
    drop(server);
    is_away(&kv).await;
    let _server = redis::Server::start_on(port);
    // Not a single request is refused because of how it was before.
    is_there(&kv).await;
}

/// A restart between two requests costs nobody anything.
#[actix_web::test]
async fn redis_may_restart_while_nobody_asks() {
    let server = redis::Server::start();
    let port = server.port;
    let kv = Kv::redis(&server.url()).unwrap();
    is_there(&kv).await;
    drop(server);
    let _server = redis::Server::start_on(port);
    // The link has to be told; in a server something always runs.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    is_there(&kv).await;
}

#[actix_web::test]
async fn redis_need_not_be_there_when_we_start() {
    let port = redis::free_port();
    let kv = Kv::redis(&format!("redis://127.0.0.1:{port}")).unwrap();
    is_away(&kv).await;
    let _server = redis::Server::start_on(port);
    // Not a single request is refused because of how it was before.
    is_there(&kv).await;
}

#[actix_web::test]
async fn postgres_is_away_and_comes_back() {
    let server = postgres::Server::start();
    let url = Url::parse(&server.database()).unwrap();
    let kv = Kv::sql(Db::open(&url, Durability::Process, MIGRATIONS).unwrap());
    is_there(&kv).await;
    let server = server.pause();
    is_away(&kv).await;
    let _server = server.resume();
    comes_back(&kv).await;
}
