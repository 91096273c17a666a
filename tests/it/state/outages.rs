//! Unreachable is not absent: while a store is away every verb says so, and when it is back the same
//! `Kv` works again.

use std::time::Instant;

use countersign::db::{Db, DbError, Durability, Url};
use countersign::state::kv::{Drawer, Key, Kv, OnceKey, Until};
use countersign::state::{MIGRATIONS, StateError};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use futures_util::future::{LocalBoxFuture, join_all};
use time::{Duration, OffsetDateTime};

use crate::support::{postgres, redis};

/// How long anybody waits at most to be told that a store is away.
const PATIENCE: Duration = Duration::seconds(5);

/// Asks through every verb at once.
async fn ask(kv: &Kv) -> Vec<(&'static str, Result<(), StateError>)> {
    let (key, now) = (&Key::new(Drawer::Probe, "outage"), OffsetDateTime::now_utc());
    let exp = now + Duration::minutes(1);
    let once = &OnceKey::new(Drawer::Probe, Until::of(exp), &[0; 32]);
    let (counter, set) = (&Key::new(Drawer::Probe, "counter"), &Key::new(Drawer::Probe, "set"));
    let asked: Vec<(&str, LocalBoxFuture<'_, Result<(), StateError>>)> = vec![
        ("get", Box::pin(async move { kv.get(key, now).await.map(drop) })),
        ("put", Box::pin(async move { kv.put(key, b"value", exp).await })),
        ("put_new", Box::pin(async move { kv.put_new(key, b"value", exp, now).await.map(drop) })),
        ("swap", Box::pin(async move { kv.swap(key, b"value", b"other", exp, now).await.map(drop) })),
        ("issue", Box::pin(async move { kv.issue(once, b"value", b"", exp).await })),
        ("spend", Box::pin(async move { kv.spend(once, [key, key], now).await.map(drop) })),
        ("hit", Box::pin(async move { kv.hit(counter, Duration::minutes(1), now).await.map(drop) })),
        ("index_add", Box::pin(async move { kv.index_add(set, "member", exp, now).await })),
        ("index_list", Box::pin(async move { kv.index_list(set, now).await.map(drop) })),
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

pub async fn is_there(kv: &Kv) {
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
    let server = redis::Server::start_on(port);
    // The link learns of the end by itself and comes back: then the server has it beside whoever asks here.
    let mut direct = ::redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    let begun = Instant::now();
    loop {
        let clients: String = ::redis::cmd("CLIENT").arg("LIST").query(&mut direct).unwrap();
        if clients.lines().count() > 1 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the link does not come back by itself: {clients}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
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

/// As while nobody knows its name, which the network of containers forgets when one of them stops.
#[actix_web::test]
async fn no_way_to_redis_is_forgotten_when_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let way = folder.path().join("way");
    // Not a folder, so that a connection to what is in it is neither refused nor lost.
    std::fs::write(&way, "").unwrap();
    let kv = Kv::redis(&format!("redis+unix://{}", way.join("redis").display())).unwrap();
    is_away(&kv).await;
    // The last attempt, which nobody waits for, has to be over as well, or else it is the one that succeeds.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    std::fs::remove_file(&way).unwrap();
    std::fs::create_dir(&way).unwrap();
    let _server = redis::Server::start_at(&way.join("redis"));
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
    // Not a single request is refused because of how it was before.
    is_there(&kv).await;
}

/// Asks a Redis server something that no verb of ours asks.
pub async fn tell(server: &redis::Server, words: &[&str]) {
    let client = ::redis::Client::open(server.url()).unwrap();
    let mut link = client.get_multiplexed_async_connection().await.unwrap();
    let mut command = ::redis::cmd(words[0]);
    let _: ::redis::Value = command.arg(&words[1..]).query_async(&mut link).await.unwrap();
}

/// After a failover the server that is asked may no longer be the one to write to; the next one will be.
#[actix_web::test]
async fn a_redis_that_was_demoted_is_an_outage() {
    let server = redis::Server::start();
    let kv = Kv::redis(&server.url()).unwrap();
    let (key, now) = (Key::new(Drawer::Probe, "demoted"), OffsetDateTime::now_utc());
    let exp = now + Duration::minutes(1);
    is_there(&kv).await;
    tell(&server, &["REPLICAOF", "127.0.0.1", &redis::free_port().to_string()]).await;
    for answer in [kv.put(&key, b"value", exp).await, kv.put_new(&key, b"value", exp, now).await.map(drop)] {
        assert!(matches!(answer, Err(StateError::Unreachable(_))), "{answer:?}");
    }
    tell(&server, &["REPLICAOF", "NO", "ONE"]).await;
    is_there(&kv).await;
}

/// What waiting does not heal is not taken for an outage.
#[actix_web::test]
async fn a_store_that_refuses_is_broken() {
    let (key, now) = (&Key::new(Drawer::Probe, "refused"), OffsetDateTime::now_utc());
    let server = redis::Server::start();
    let redis = Kv::redis(&server.url()).unwrap();
    tell(&server, &["ACL", "SETUSER", "default", "-get", "-evalsha", "-eval"]).await;

    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&Url::Sqlite(folder.path().join("state.db")), Durability::Process, MIGRATIONS).unwrap();
    db.write_now(|conn| Ok(conn.batch_execute("DROP TABLE kv")?)).unwrap();
    for kv in [redis, Kv::sql(db)] {
        let answers = [kv.get(key, now).await.map(drop), kv.hit(key, Duration::HOUR, now).await.map(drop)];
        for answer in answers {
            assert!(matches!(answer, Err(StateError::Broken(_))), "{answer:?}");
        }
    }
}

/// Another program, such as a backup, holds the file longer than anybody waits.
#[actix_web::test]
async fn a_locked_file_is_an_outage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let db = Db::open(&Url::Sqlite(path.clone()), Durability::Process, MIGRATIONS).unwrap();
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let locked = db.write(|conn| Ok(conn.batch_execute("DELETE FROM kv")?)).await;
    assert!(matches!(locked, Err(DbError::Unreachable { .. })), "{locked:?}");
    other.batch_execute("ROLLBACK").unwrap();
    is_there(&Kv::sql(db)).await;
}
