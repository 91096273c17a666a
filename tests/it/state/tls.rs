//! Redis over TLS: the right server is believed, and no other.

use std::time::Instant;

use countersign::state::StateError;
use countersign::state::kv::{Drawer, Key, Kv};
use time::OffsetDateTime;

use crate::support::certificates::Authority;
use crate::support::redis::Server;

/// Asks, and asks again while a busy machine takes longer over a handshake than it may.
async fn attempt(kv: Kv) -> Result<(), StateError> {
    let begun = Instant::now();
    loop {
        match kv.get(&Key::new(Drawer::Probe, "over tls"), OffsetDateTime::now_utc()).await {
            Err(slow) if slow.to_string().contains("timed out") && begun.elapsed().as_secs() < 30 => (),
            answer => return answer.map(drop),
        }
    }
}

#[actix_web::test]
async fn redis_is_believed_with_the_right_root_and_name_only() {
    let authority = Authority::new();
    let (certificate, key) = authority.certify_localhost();
    let server = Server::start_with_tls(&certificate, &key);
    let url = |host: &str| format!("rediss://:hunter2@{host}:{}", server.port);
    let trusting =
        |host: &str, roots: &Authority| Kv::redis_trusting(&url(host), roots.pem().into()).unwrap();
    attempt(trusting("localhost", &authority)).await.unwrap();
    for (why, kv, host) in [
        ("another authority", trusting("localhost", &Authority::new()), "localhost"),
        ("another name", trusting("127.0.0.1", &authority), "127.0.0.1"),
        ("the system's roots", Kv::redis(&url("localhost")).unwrap(), "localhost"),
    ] {
        let refused = attempt(kv).await.unwrap_err();
        let said = refused.to_string();
        assert!(matches!(refused, StateError::Unreachable(_)), "{why}: {refused:?}");
        assert!(said.contains("certificate verify failed"), "{why}: {said}");
        assert!(said.contains(&format!("rediss://{host}:{}", server.port)), "{why}: {said}");
        assert!(!said.contains("hunter2"), "{why}: {said}");
    }
    let plain = format!("redis://:hunter2@localhost:{}", server.port);
    assert!(attempt(Kv::redis(&plain).unwrap()).await.is_err(), "a server that demands TLS took plain text");
    assert!(Kv::redis_trusting(&url("localhost"), b"no certificate".to_vec()).is_err());
}
