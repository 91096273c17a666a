//! A Redis that goes away, falls silent or is replaced: nobody restarts us, and no request fails that
//! need not.

use std::time::Instant;

use countersign::state::StateError;
use countersign::state::kv::{Drawer, Key, Kv};
use time::{Duration, OffsetDateTime};

use super::outages::{is_there, tell};
use crate::support::redis::Server;
use crate::support::relay::Relay;

fn through(relay: &Relay) -> Kv {
    Kv::redis(&format!("redis://127.0.0.1:{}", relay.port)).unwrap()
}

/// The name now leads to the server that took over; the old one follows it, and keeps its connections.
#[actix_web::test]
async fn after_a_failover_redis_is_found_again_without_an_error() {
    let (old, new) = (Server::start(), Server::start());
    let relay = Relay::start(old.port);
    let kv = through(&relay);
    is_there(&kv).await;
    relay.lead(new.port);
    tell(&old, &["REPLICAOF", "127.0.0.1", &new.port.to_string()]).await;
    is_there(&kv).await;
    let (key, now) = (Key::new(Drawer::Probe, "after"), OffsetDateTime::now_utc());
    kv.put(&key, b"value", now + Duration::HOUR).await.unwrap();
    let mut direct = ::redis::Client::open(new.url()).unwrap().get_connection().unwrap();
    let there: i64 = ::redis::cmd("EXISTS").arg("h:after").query(&mut direct).unwrap();
    assert_eq!(there, 1, "it went to the server that took over");
}

/// The link has died and neither end was told: one request learns it, and the next finds a new link.
#[actix_web::test]
async fn a_redis_link_that_died_in_silence_is_left_at_once() {
    let server = Server::start();
    let relay = Relay::start(server.port);
    let kv = through(&relay);
    is_there(&kv).await;
    relay.forget();
    let silent = kv.get(&Key::new(Drawer::Probe, "silence"), OffsetDateTime::now_utc()).await;
    assert!(matches!(silent, Err(StateError::Unreachable(_))), "{silent:?}");
    is_there(&kv).await;
}

/// Asked without a pause while it is away: once it is back not one more question fails.
#[actix_web::test]
async fn under_traffic_nothing_fails_once_redis_is_back() {
    let mut server = Server::start();
    let port = server.port;
    let kv = Kv::redis(&server.url()).unwrap();
    let (key, now) = (Key::new(Drawer::Probe, "traffic"), OffsetDateTime::now_utc());
    for _ in 0..3 {
        is_there(&kv).await;
        drop(server);
        let begun = Instant::now();
        while kv.get(&key, now).await.is_ok() {
            assert!(begun.elapsed() < Duration::seconds(10), "the outage is not felt");
        }
        for _ in 0..20 {
            let away = kv.get(&key, now).await;
            assert!(matches!(away, Err(StateError::Unreachable(_))), "{away:?}");
        }
        server = Server::start_on(port);
        is_there(&kv).await;
    }
}
