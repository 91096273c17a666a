//! Refusals of Redis that pass: each is an outage, which is answered with 503, and not a failure.

use std::time::Instant;

use countersign::state::StateError;
use countersign::state::kv::{Drawer, Key, Kv, passes};
use time::{Duration, OffsetDateTime};

use super::outages::{is_there, tell};
use crate::support::redis;

/// Every code that Redis documents for "not now", and some that mean something else.
#[test]
fn the_codes_of_redis_are_told_apart() {
    let wrapped =
        "Error running script (call to f_1): @user_script:5: @user_script: 5: -OOM command not allowed";
    for (code, detail, expected) in [
        ("LOADING", "Redis is loading the dataset in memory", true),
        ("READONLY", "You can't write against a read only replica.", true),
        ("MASTERDOWN", "Link with MASTER is down and replica-serve-stale-data is set to 'no'.", true),
        ("CLUSTERDOWN", "Hash slot not served", true),
        ("TRYAGAIN", "Multiple keys request during rehashing of slot", true),
        ("FAILOVER", "", true),
        (
            "UNBLOCKED",
            "force unblock from blocking operation, instance state changed (master -> replica?)",
            true,
        ),
        ("NOREPLICAS", "Not enough good replicas to write.", true),
        (
            "MISCONF",
            "Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
            true,
        ),
        ("OOM", "command not allowed when used memory > 'maxmemory'.", true),
        ("BUSY", "Redis is busy running a script.", true),
        ("UNKILLABLE", "The busy script was sent by a master instance", true),
        ("NOSCRIPT", "No matching script.", true),
        ("ERR", "max number of clients reached", true),
        ("ERR", wrapped, true),
        ("ERR", "unknown command 'EVALSHA'", false),
        ("ERR", "", false),
        ("NOAUTH", "Authentication required.", false),
        ("NOPERM", "this user has no permissions", false),
        ("WRONGPASS", "invalid username-password pair or user is disabled.", false),
        ("WRONGTYPE", "Operation against a key holding the wrong kind of value", false),
        ("MOVED", "3999 127.0.0.1:6381", false),
        ("CROSSSLOT", "Keys in request don't hash to the same slot", false),
        ("DENIED", "Redis is running in protected mode", false),
    ] {
        assert_eq!(passes(code, detail), expected, "{code} {detail}");
    }
}

/// Reads and writes, by commands and by scripts.
async fn ask(kv: &Kv) -> [(&'static str, Result<(), StateError>); 3] {
    let (key, now) = (Key::new(Drawer::Probe, "passing"), OffsetDateTime::now_utc());
    let exp = now + Duration::minutes(1);
    [
        ("get", kv.get(&key, now).await.map(drop)),
        ("put", kv.put(&key, b"value", exp).await),
        ("hit", kv.hit(&Key::new(Drawer::Probe, "counter"), Duration::minutes(1), now).await.map(drop)),
    ]
}

/// Whatever is answered is an outage, and these are not answered well.
async fn refuses(what: &str, kv: &Kv, refused: &[&str]) {
    for (verb, answer) in ask(kv).await {
        let is_outage = matches!(answer, Err(StateError::Unreachable(_)));
        assert!(is_outage || answer.is_ok(), "{what} {verb}: {answer:?}");
        assert_eq!(is_outage, refused.contains(&verb), "{what} {verb}: {answer:?}");
    }
}

const WRITES: [&str; 2] = ["put", "hit"];
const ALL: [&str; 3] = ["get", "put", "hit"];

#[actix_web::test]
async fn what_redis_refuses_for_now_is_an_outage() {
    let server = redis::Server::start();
    let kv = Kv::redis(&server.url()).unwrap();
    is_there(&kv).await;
    let nowhere = redis::free_port().to_string();
    for (what, begin, end, refused) in [
        (
            "OOM",
            &["CONFIG", "SET", "maxmemory", "1"][..],
            &["CONFIG", "SET", "maxmemory", "0"][..],
            &WRITES[..],
        ),
        (
            "NOREPLICAS",
            &["CONFIG", "SET", "min-replicas-to-write", "1"],
            &["CONFIG", "SET", "min-replicas-to-write", "0"],
            &WRITES,
        ),
        ("READONLY", &["REPLICAOF", "127.0.0.1", &nowhere], &["REPLICAOF", "NO", "ONE"], &WRITES),
    ] {
        tell(&server, begin).await;
        refuses(what, &kv, refused).await;
        tell(&server, end).await;
        is_there(&kv).await;
    }
    tell(&server, &["CONFIG", "SET", "replica-serve-stale-data", "no"]).await;
    tell(&server, &["REPLICAOF", "127.0.0.1", &nowhere]).await;
    refuses("MASTERDOWN", &kv, &ALL).await;
    tell(&server, &["REPLICAOF", "NO", "ONE"]).await;
    is_there(&kv).await;
}

/// A script of another program runs on and on.
#[actix_web::test]
async fn a_redis_that_is_busy_with_a_script_is_an_outage() {
    let server = redis::Server::start();
    let kv = Kv::redis(&server.url()).unwrap();
    is_there(&kv).await;
    tell(&server, &["CONFIG", "SET", "lua-time-limit", "20"]).await;
    let url = server.url();
    let script = std::thread::spawn(move || {
        let mut link = ::redis::Client::open(url).unwrap().get_connection().unwrap();
        ::redis::cmd("EVAL").arg("while true do end").arg(0).query::<()>(&mut link).unwrap_err()
    });
    let mut link = server.link();
    while ::redis::cmd("PING").query::<()>(&mut link).is_ok() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    refuses("BUSY", &kv, &ALL).await;
    let _: () = ::redis::cmd("SCRIPT").arg("KILL").query(&mut link).unwrap();
    script.join().unwrap();
    is_there(&kv).await;
}

/// A server that cannot save what it is given takes nothing more.
#[actix_web::test]
async fn a_redis_that_cannot_save_is_an_outage() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("gone");
    std::fs::create_dir(&place).unwrap();
    let server = redis::Server::start_with(&format!("--dir {}", place.display()));
    let kv = Kv::redis(&server.url()).unwrap();
    is_there(&kv).await;
    tell(&server, &["CONFIG", "SET", "save", "3600 1000000"]).await;
    std::fs::remove_dir(&place).unwrap();
    tell(&server, &["BGSAVE"]).await;
    let mut link = server.link();
    let begun = Instant::now();
    loop {
        let info: String = ::redis::cmd("INFO").arg("persistence").query(&mut link).unwrap();
        if info.contains("rdb_last_bgsave_status:err") {
            break;
        }
        assert!(begun.elapsed().as_secs() < 10, "{info}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    refuses("MISCONF", &kv, &WRITES).await;
    tell(&server, &["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"]).await;
    is_there(&kv).await;
    // It would not end without having saved.
    tell(&server, &["CONFIG", "SET", "save", ""]).await;
}

/// One that is to be part of a cluster which is not there yet.
#[actix_web::test]
async fn a_redis_without_its_cluster_is_an_outage() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        redis::Server::start_with(&format!("--cluster-enabled yes --dir {}", folder.path().display()));
    let kv = Kv::redis(&server.url()).unwrap();
    refuses("CLUSTERDOWN", &kv, &ALL).await;
}

/// No connection is left for us.
#[actix_web::test]
async fn a_redis_with_too_many_clients_is_an_outage() {
    let server = redis::Server::start();
    let mut link = server.link();
    let _: () = ::redis::cmd("CONFIG").arg("SET").arg("maxclients").arg(1).query(&mut link).unwrap();
    let kv = Kv::redis(&server.url()).unwrap();
    refuses("maxclients", &kv, &ALL).await;
    let _: () = ::redis::cmd("CONFIG").arg("SET").arg("maxclients").arg(100).query(&mut link).unwrap();
    is_there(&kv).await;
}
