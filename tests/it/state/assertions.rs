//! Assertions that were used: each once, by client and name, until it would be refused anyway.

use countersign::state::kv::Kv;
use futures_util::future::join_all;
use time::{Duration, OffsetDateTime};

use super::contract::{postgres, redis, sqlite};
use super::state;

async fn an_assertion_is_used_once_on_whichever_node(kv: Kv) {
    let (one, other) = (state(&kv).assertions, state(&kv).assertions);
    let now = OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap();
    let until = now + Duration::seconds(90);
    let rivals = (0..20).map(|at| {
        let node = if at % 2 == 0 { &one } else { &other };
        node.spend("app", "jti", until, now)
    });
    let won = join_all(rivals).await.into_iter().filter(|spent| *spent.as_ref().unwrap()).count();
    assert_eq!(won, 1);
    for (client, jti, at, is_new) in [
        ("other", "jti", 0, true),
        ("app", "other", 0, true),
        // The name of the client ends where that of the assertion begins.
        ("ap", "p\0jti", 0, true),
        ("app", "jti", 89, false),
        ("app", "jti", 90, true),
    ] {
        let at = now + Duration::seconds(at);
        assert_eq!(
            other.spend(client, jti, at + Duration::MINUTE, at).await.unwrap(),
            is_new,
            "{client} {jti}"
        );
    }
}

#[actix_web::test]
async fn once_in_sqlite() {
    an_assertion_is_used_once_on_whichever_node(sqlite().kv.clone()).await;
}

#[actix_web::test]
async fn once_in_postgres() {
    an_assertion_is_used_once_on_whichever_node(postgres().kv.clone()).await;
}

#[actix_web::test]
async fn once_in_redis() {
    an_assertion_is_used_once_on_whichever_node(redis().kv.clone()).await;
}
