//! A server that goes away and comes back: nobody restarts us, and no request fails that need not.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use countersign::db::{Db, DbError, Durability, Url};
use countersign::state::MIGRATIONS;
use countersign::store::facts;
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use futures_util::future::join_all;

use super::{lines, open};
use crate::support::postgres::Server;
use crate::support::redis::free_port;
use crate::support::relay::{NOWHERE, Relay};

async fn look(db: &Db) -> Result<(), DbError> {
    db.read(|conn| facts::get(conn, "version")).await.map(drop)
}

async fn change(db: &Db) -> Result<(), DbError> {
    db.write(|conn| facts::set(conn, "count", "1")).await
}

/// Keeps eight connections for later.
async fn keep_eight(db: &Db) {
    let slowly = || {
        db.read(|conn| {
            diesel::sql_query("SELECT pg_sleep(0.3)").execute(conn)?;
            Ok(())
        })
    };
    for done in join_all((0..8).map(|_| slowly())).await {
        done.unwrap();
    }
    let ours = "SELECT count(*)::text AS line FROM pg_stat_activity WHERE application_name = 'countersign'";
    assert_eq!(lines(db, ours), ["8"]);
}

fn is_unavailable(answer: &Result<(), DbError>) -> bool {
    matches!(answer, Err(DbError::Unreachable { .. }))
}

mod postgres {
    use super::*;

    /// Eight connections die unseen. Whoever gets one of them does not notice.
    #[actix_web::test]
    async fn what_died_while_idle_costs_nobody_an_error() {
        let mut server = Server::start();
        let db = open(&Url::parse(&server.database()).unwrap()).unwrap();
        for stop in [Server::pause, Server::crash] {
            keep_eight(&db).await;
            server = stop(server).resume();
            look(&db).await.unwrap();
            change(&db).await.unwrap();

            keep_eight(&db).await;
            server = stop(server).resume();
            for done in join_all((0..16).map(|_| change(&db))).await {
                done.unwrap();
            }
        }
    }

    /// A crash under traffic: what was begun once the server was back succeeds, every single time.
    #[actix_web::test]
    async fn under_traffic_nothing_fails_once_it_is_back() {
        let server = Server::start();
        let db = open(&Url::parse(&server.database()).unwrap()).unwrap();
        let (is_back, is_over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (good, bad) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let traffic = (0..16).map(|which| {
            let (db, is_back, is_over) = (db.clone(), Arc::clone(&is_back), Arc::clone(&is_over));
            let (good, bad) = (Arc::clone(&good), Arc::clone(&bad));
            actix_web::rt::spawn(async move {
                while !is_over.load(Ordering::SeqCst) {
                    let was_back = is_back.load(Ordering::SeqCst);
                    let done = if which % 2 == 0 { look(&db).await } else { change(&db).await };
                    match done {
                        Ok(()) if was_back => good.fetch_add(1, Ordering::SeqCst),
                        Ok(()) => 0,
                        Err(DbError::Unreachable { .. }) if !was_back => bad.fetch_add(1, Ordering::SeqCst),
                        Err(error) => panic!("was it back? {was_back}: {error}"),
                    };
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        });
        let traffic: Vec<_> = traffic.collect();
        let until = async |count: &AtomicUsize, enough: usize| {
            while count.load(Ordering::SeqCst) < enough
                && !traffic.iter().any(actix_web::rt::task::JoinHandle::is_finished)
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let paused = actix_web::rt::task::spawn_blocking(move || server.crash()).await.unwrap();
        until(&bad, 50).await;
        let _server = actix_web::rt::task::spawn_blocking(move || paused.resume()).await.unwrap();
        is_back.store(true, Ordering::SeqCst);
        until(&good, 200).await;
        is_over.store(true, Ordering::SeqCst);
        for one in traffic {
            one.await.unwrap();
        }
        assert!(bad.load(Ordering::SeqCst) >= 50, "the outage was not felt");
    }

    /// Nobody answers the door. The first wait as long as is sensible; after that only one tries at a time,
    /// and the others are told at once.
    #[actix_web::test]
    async fn while_it_is_away_one_knocks_and_the_others_do_not_wait() {
        let port = free_port();
        let server = Server::start_on(port);
        server.database_named("knock");
        let relay = Relay::start(port);
        let url = format!("postgres://postgres@127.0.0.1:{}/knock?connect_timeout=2", relay.port);
        let db = open(&Url::parse(&url).unwrap()).unwrap();
        let server = server.pause();
        relay.lead(NOWHERE);
        let timed = async |db: &Db| {
            let begun = Instant::now();
            let answer = look(db).await;
            assert!(is_unavailable(&answer), "{answer:?}");
            begun.elapsed()
        };
        let first = timed(&db).await;
        let mut later = join_all((0..40).map(|_| timed(&db))).await;
        later.sort();
        assert!(first > Duration::from_secs(1), "who comes first waits for the server: {first:?}");
        assert!(later[38] < first, "all but one are told sooner than in {first:?}: {later:?}");

        let _server = server.resume();
        relay.lead(port);
        for done in join_all((0..40).map(|_| look(&db))).await {
            done.unwrap();
        }
    }

    /// The link has died and neither end was told. Whoever is on it waits for a bounded time; nobody else
    /// is led onto another such link.
    #[actix_web::test]
    async fn a_link_that_died_in_silence_is_left_in_time() {
        let port = free_port();
        let server = Server::start_on(port);
        server.database_named("silence");
        let relay = Relay::start(port);
        let url = format!("postgres://postgres@127.0.0.1:{}/silence", relay.port);
        let db = open(&Url::parse(&url).unwrap()).unwrap();
        keep_eight(&db).await;
        relay.forget();
        let begun = Instant::now();
        let answer = look(&db).await;
        assert!(is_unavailable(&answer) && begun.elapsed() < Duration::from_secs(20), "{answer:?}");
        for done in join_all((0..20).map(|_| change(&db))).await {
            done.unwrap();
        }
    }

    /// A server that becomes a standby keeps its connections. They are not kept here.
    #[actix_web::test]
    async fn a_connection_that_can_only_read_is_not_kept() {
        let server = Server::start();
        let db = open(&Url::parse(&server.database()).unwrap()).unwrap();
        keep_eight(&db).await;
        let backend = || lines(&db, "SELECT pg_backend_pid()::text AS line");
        let before = backend();
        let writing = |on: &str| {
            let mut direct: diesel::PgConnection =
                diesel::Connection::establish(&server.url("postgres")).unwrap();
            direct.batch_execute("SET default_transaction_read_only = off").unwrap();
            direct.batch_execute(&format!("ALTER SYSTEM SET default_transaction_read_only = {on}")).unwrap();
            direct.batch_execute("SELECT pg_reload_conf()").unwrap();
        };
        let reads_only = || lines(&db, "SELECT current_setting('transaction_read_only') AS line") == ["on"];
        writing("on");
        let begun = Instant::now();
        while !reads_only() {
            assert!(begun.elapsed() < Duration::from_secs(10), "the server does not change");
        }
        assert_eq!(backend(), before, "reading goes on over the same connection");
        let refused = change(&db).await;
        assert!(is_unavailable(&refused), "{refused:?}");
        // No new connection is taken from such a server either.
        let refused = look(&db).await.unwrap_err().to_string();
        assert!(refused.contains("read-only"), "{refused}");
        writing("off");
        let begun = Instant::now();
        while change(&db).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(10), "it does not come back");
        }
        assert_ne!(backend(), before);
    }
}

/// Whoever waits for the only connection is woken when it is free, and does not wait until patience ends.
#[test]
fn a_turn_that_is_waited_for_begins_when_the_one_before_ends() {
    let folder = tempfile::tempdir().unwrap();
    let url = Url::Sqlite(folder.path().join("state.db"));
    let db = Db::open(&url, Durability::Process, MIGRATIONS).unwrap();
    let begun = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            db.write_now(|_| {
                begun.wait();
                thread::sleep(Duration::from_millis(200));
                Ok(())
            })
            .unwrap();
        });
        begun.wait();
        let waited = Instant::now();
        db.read_now(|_| Ok(())).unwrap();
        assert!(waited.elapsed() < Duration::from_secs(3), "{:?}", waited.elapsed());
    });
}
