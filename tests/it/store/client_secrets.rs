//! Secrets of clients as rows, on both databases.
//!
//! Holds `store/clients/secrets.rs`.

use std::time::{Duration as Wait, Instant};

use countersign::db::{Db, Url};
use countersign::protocol::client::Client;
use countersign::secret::TokenHash;
use countersign::store::clients::{self, Clients, NewSecret, Secret};
use serde_json::json;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use super::contract::on_both_databases;
use super::{Store, execute, lines, open, postgres_place, sqlite_place};
use crate::support::TEST;
use crate::support::rp::registered;

on_both_databases! {
    a_new_secret_is_added_and_what_has_ended_is_swept_with_it
    the_last_use_is_written_once_and_seen_by_every_node
    a_removed_client_leaves_no_secret
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap()
}

async fn client(db: &Db) {
    let app = registered("app", Some("secret-1"), json!({}));
    assert!(clients::add(db, &app, TEST, now()).await.unwrap());
}

async fn set(db: &Db, secret: &str, others_end: OffsetDateTime, at: OffsetDateTime) -> Client {
    let new = NewSecret { hash: TokenHash::of(secret), sealed: Some(b"sealed".to_vec()), ends_at: None };
    let edit = move |client: &Client| Ok::<_, ()>((client.metadata.clone(), Secret::Set(new, others_end)));
    clients::edit(db, "app", edit, TEST, at).await.unwrap().unwrap().unwrap().after
}

/// The rows, each as its number and the seconds from now to its end.
fn rows(db: &Db) -> Vec<String> {
    let end = format!("coalesce(CAST(ends_at - {} AS TEXT), 'lasts')", now().unix_timestamp());
    lines(db, &format!("SELECT number || ' ' || {end} AS line FROM client_secrets ORDER BY number"))
}

async fn a_new_secret_is_added_and_what_has_ended_is_swept_with_it(Store { db, .. }: Store) {
    client(&db).await;
    assert_eq!(rows(&db), ["1 lasts"]);
    let after = set(&db, "secret-2", now() + Duration::HOUR, now()).await;
    assert_eq!(rows(&db), ["1 3600", "2 lasts"]);
    let read = clients::by_id(&db, "app").await.unwrap().unwrap();
    let shown = |client: &Client| format!("{:?}", client.secrets);
    assert_eq!(shown(&after), shown(&read), "what is answered is what is stored");
    assert_eq!(read.secrets.newest().unwrap().sealed.as_deref(), Some(&b"sealed"[..]));
    // An end is never moved to later.
    set(&db, "secret-3", now() + Duration::hours(2), now() + Duration::MINUTE).await;
    assert_eq!(rows(&db), ["1 3600", "2 7200", "3 lasts"]);
    let later = now() + Duration::hours(2);
    set(&db, "secret-4", later, later).await;
    assert_eq!(rows(&db), ["2 7200", "3 7200", "4 lasts"], "of those that have ended one is kept");
    for number in 5..9 {
        set(&db, &format!("secret-{number}"), later, later).await;
        assert!(rows(&db).len() <= 3, "{:?}", rows(&db));
    }
    let listed = clients::list(&db).await.unwrap();
    assert_eq!((listed.len(), listed[0].secrets.newest().unwrap().number), (1, 8));
}

async fn the_last_use_is_written_once_and_seen_by_every_node(Store { db, .. }: Store) {
    client(&db).await;
    set(&db, "secret-2", now() + Duration::DAY, now()).await;
    let (one, other) = (Clients::new(db.clone()), Clients::new(db.clone()));
    for node in [&one, &other] {
        node.take(&node.look().await.unwrap());
    }
    let of = async |node: &Clients| node.find("app").await.unwrap().unwrap();
    let uses =
        || lines(&db, "SELECT coalesce(last_used_network, '-') AS line FROM client_secrets ORDER BY number");
    let (known, stale) = (of(&one).await, of(&other).await);
    one.note_use(&known, 1, Some("192.0.2.0/24".into()), now());
    let begun = Instant::now();
    while uses() != ["192.0.2.0/24", "-"] {
        assert!(begun.elapsed() < Wait::from_secs(20), "{:?}", uses());
        tokio::time::sleep(Wait::from_millis(10)).await;
    }
    // The other node has read the client before: it loses the race and writes nothing.
    other.note_use(&stale, 1, Some("198.51.100.0/24".into()), now());
    other.note_use(&stale, 2, Some("203.0.113.0/24".into()), now());
    while uses()[1] == "-" {
        assert!(begun.elapsed() < Wait::from_secs(20), "{:?}", uses());
        tokio::time::sleep(Wait::from_millis(10)).await;
    }
    other.take(&other.look().await.unwrap());
    let seen = of(&other).await;
    let last = seen.secrets.all()[0].last_use.clone().unwrap();
    assert_eq!((last.at, last.network.as_deref()), (now(), Some("192.0.2.0/24")));
    assert!(seen.secrets.use_to_write(1, now() + Duration::minutes(59)).is_none());
}

async fn a_removed_client_leaves_no_secret(Store { db, .. }: Store) {
    client(&db).await;
    assert!(clients::remove(&db, "app", TEST, now()).await.unwrap());
    assert_eq!(rows(&db), Vec::<String>::new());
    client(&db).await;
    assert_eq!(rows(&db), ["1 lasts"], "a new client of the same name begins anew");
}

fn what_was_in_the_row_of_the_client_is_carried_over((url, _folder): (Url, Option<TempDir>)) {
    let before = open(&url).unwrap();
    let down = include_str!("../../../migrations/store/20261201000131_client_secrets/down.sql");
    for statement in down.split(';').filter(|statement| !statement.trim().is_empty()) {
        execute(&before, statement).unwrap();
    }
    execute(&before, "DELETE FROM __diesel_schema_migrations WHERE version = '20261201000131'").unwrap();
    let hash = data_encoding::HEXLOWER.encode(TokenHash::of("a secret").as_bytes());
    let hash = if matches!(url, Url::Sqlite(_)) { format!("X'{hash}'") } else { format!("'\\x{hash}'") };
    for (id, hash) in [("app", hash.as_str()), ("public", "NULL")] {
        let add = "INSERT INTO clients (id, metadata, secret_hash, disabled, created_at, updated_at)";
        execute(&before, &format!("{add} VALUES ('{id}', '{{}}', {hash}, FALSE, 7, 7)")).unwrap();
    }
    let now = open(&url).unwrap();
    let carried = "SELECT client_id || ' ' || number || ' ' || created_at AS line FROM client_secrets";
    assert_eq!(lines(&now, carried), ["app 1 7"]);
    let found = actix_web::rt::System::new().block_on(clients::by_id(&now, "app")).unwrap().unwrap();
    assert!(found.secrets.newest().unwrap().hash.matches(&TokenHash::of("a secret")));
}

#[test]
fn secrets_of_before_are_carried_over_on_sqlite() {
    what_was_in_the_row_of_the_client_is_carried_over(sqlite_place());
}

#[test]
fn secrets_of_before_are_carried_over_on_postgres() {
    what_was_in_the_row_of_the_client_is_carried_over(postgres_place());
}
