//! Clients in memory: kept until a change is seen, on both databases.

use countersign::db::Db;
use countersign::protocol::client::{Client, Metadata};
use countersign::store::clients::{self, Clients, Secret};
use serde_json::json;
use time::OffsetDateTime;

use super::contract::on_both_databases;
use super::{Store, execute, lines, trail};
use crate::support::TEST;
use crate::support::rp::registered;

on_both_databases! {
    a_client_is_read_once_until_it_is_changed
    what_was_read_before_a_change_that_was_seen_is_not_kept
    a_node_that_missed_too_many_changes_forgets_all_clients
    of_several_identifiers_the_first_client_is_found_in_one_read
    disabling_and_enabling_are_seen
    a_change_by_sql_is_seen_when_it_is_noted
}

fn named(name: &str) -> Client {
    registered(
        "app",
        Some("a secret"),
        json!({ "client_name": name, "redirect_uris": ["https://a.example/cb"] }),
    )
}

fn metadata(name: &str) -> Metadata {
    named(name).metadata
}

async fn rename(db: &Db, name: &str) {
    let now = OffsetDateTime::now_utc();
    let metadata = metadata(name);
    let edit = |_: &Client| Ok::<_, ()>((metadata, Secret::Keep));
    assert!(clients::edit(db, "app", edit, TEST, now).await.unwrap().is_some_and(|edited| edited.is_ok()));
}

/// Sees what was changed, as a node does every second.
async fn look(clients: &Clients) {
    clients.take(&clients.look().await.unwrap());
}

async fn name(clients: &Clients) -> String {
    clients.find("app").await.unwrap().expect("it is there").metadata.client_name.clone()
}

/// How many statements this took, and what came of it.
async fn asked<T>(db: &Db, doing: impl Future<Output = T>) -> (u64, T) {
    let before = db.statements();
    let done = doing.await;
    (db.statements() - before, done)
}

async fn a_client_is_read_once_until_it_is_changed(Store { db, .. }: Store) {
    let (one, other, now) = (Clients::new(db.clone()), Clients::new(db.clone()), OffsetDateTime::now_utc());
    clients::add(&db, &named("First"), TEST, now).await.unwrap();
    // Before the first look nothing can be kept.
    for _ in 0..2 {
        assert_eq!(asked(&db, name(&one)).await, (1, "First".into()));
    }
    for node in [&one, &other] {
        assert_eq!(asked(&db, look(node)).await, (1, ()));
        assert_eq!(asked(&db, name(node)).await, (1, "First".into()));
        for _ in 0..3 {
            assert_eq!(asked(&db, name(node)).await, (0, "First".into()));
        }
        look(node).await;
        assert_eq!(
            asked(&db, name(node)).await,
            (0, "First".into()),
            "a look that sees nothing costs nothing"
        );
    }
    rename(&db, "Second").await;
    assert_eq!(asked(&db, name(&one)).await, (0, "First".into()), "it was not seen yet");
    look(&one).await;
    assert_eq!(asked(&db, name(&one)).await, (1, "Second".into()));
    assert_eq!(asked(&db, name(&one)).await, (0, "Second".into()));
    assert_eq!(name(&other).await, "First");
    assert!(clients::remove(&db, "app", TEST, now).await.unwrap());
    for node in [&one, &other] {
        look(node).await;
        for _ in 0..2 {
            let (read, found) = asked(&db, node.find("app")).await;
            assert!(read == 1 && found.unwrap().is_none(), "that it is absent is never kept");
        }
    }
    clients::add(&db, &named("Third"), TEST, now).await.unwrap();
    assert_eq!(name(&one).await, "Third", "a new one is there at once");
    look(&one).await;
    assert_eq!(name(&one).await, "Third");
}

/// A reader that is overtaken by a change, and by the look that sees it, must not keep what it read: no later look
/// would find it.
async fn what_was_read_before_a_change_that_was_seen_is_not_kept(Store { db, .. }: Store) {
    let (node, now) = (Clients::new(db.clone()), OffsetDateTime::now_utc());
    clients::add(&db, &named("0"), TEST, now).await.unwrap();
    look(&node).await;
    for round in 1..60 {
        let new = round.to_string();
        let change = async {
            rename(&db, &new).await;
            look(&node).await;
        };
        tokio::join!(name(&node), name(&node), change, name(&node));
        assert_eq!(name(&node).await, new);
        assert_eq!(name(&node).await, new);
    }
}

async fn a_node_that_missed_too_many_changes_forgets_all_clients(Store { db, .. }: Store) {
    let (node, now) = (Clients::new(db.clone()), OffsetDateTime::now_utc());
    clients::add(&db, &named("First"), TEST, now).await.unwrap();
    look(&node).await;
    assert_eq!(name(&node).await, "First");
    // As a thousand changes of others do, which put the first ones off the list.
    rename(&db, "Second").await;
    execute(&db, "UPDATE facts SET value = '1500' WHERE name = 'client_changes'").unwrap();
    rename(&db, "Third").await;
    look(&node).await;
    assert_eq!(name(&node).await, "Third");
    look(&node).await;
    assert_eq!(name(&node).await, "Third");
    assert_eq!(asked(&db, name(&node)).await, (0, "Third".into()), "and from then on it keeps clients again");
}

async fn of_several_identifiers_the_first_client_is_found_in_one_read(Store { db, .. }: Store) {
    let (node, now) = (Clients::new(db.clone()), OffsetDateTime::now_utc());
    for (id, disabled) in [("a", true), ("b", false), ("c", false)] {
        clients::add(&db, &Client { id: id.into(), disabled, ..named(id) }, TEST, now).await.unwrap();
    }
    look(&node).await;
    for (ids, read, expected) in [
        (&["1", "2", "3", "4", "5", "6", "7", "8"][..], 1, None),
        (&["1", "a"], 1, None),
        (&["1", "a", "c", "b"], 1, Some("c")),
        (&["c", "b"], 0, Some("c")),
        (&["b", "c"], 1, Some("b")),
        (&["1", "b", "c"], 1, Some("b")),
        (&["b"], 0, Some("b")),
        (&[], 0, None),
    ] {
        let (statements, found) = asked(&db, node.find_first(ids)).await;
        let found = found.unwrap().map(|client| client.id.clone());
        assert_eq!((statements, found.as_deref()), (read, expected), "{ids:?}");
    }
}

async fn disabling_and_enabling_are_seen(Store { db, .. }: Store) {
    let (node, now) = (Clients::new(db.clone()), OffsetDateTime::now_utc());
    clients::add(&db, &named("First"), TEST, now).await.unwrap();
    look(&node).await;
    assert_eq!(name(&node).await, "First");
    for (disabled, changes) in [(true, true), (true, false), (false, true), (false, false)] {
        let changed = clients::set_disabled(&db, "app", disabled, TEST, now).await.unwrap();
        assert_eq!(changed, changes, "{disabled}");
        look(&node).await;
        assert_eq!(node.find("app").await.unwrap().is_none(), disabled);
    }
    assert!(!clients::set_disabled(&db, "other", true, TEST, now).await.unwrap());
    let told = ["test app.created app", "test app.disabled app", "test app.enabled app"];
    let trail: Vec<String> = trail(&db).iter().map(|line| line.split(" {").next().unwrap().into()).collect();
    assert_eq!(trail, told);
}

/// As the handbook says it.
async fn a_change_by_sql_is_seen_when_it_is_noted(Store { db, .. }: Store) {
    let (node, now) = (Clients::new(db.clone()), OffsetDateTime::now_utc());
    clients::add(&db, &named("First"), TEST, now).await.unwrap();
    look(&node).await;
    assert_eq!(name(&node).await, "First");
    execute(&db, "UPDATE clients SET metadata = replace(metadata, 'First', 'Second')").unwrap();
    let handbook = include_str!("../../../docs/OPERATIONS.md");
    for begins in ["UPDATE facts SET value", "INSERT INTO client_changes"] {
        let statement = handbook.lines().find(|line| line.starts_with(begins)).expect(begins);
        execute(&db, &statement.replace("'ID'", "'app'").replace(';', "")).unwrap();
    }
    look(&node).await;
    assert_eq!(name(&node).await, "Second");
    assert_eq!(asked(&db, name(&node)).await, (0, "Second".into()), "and no change was missed");
}

/// The same with a read that is known to be overtaken, because it takes its time.
#[actix_web::test]
async fn a_slow_read_of_postgres_that_a_change_overtakes_is_not_kept() {
    let Store { db, .. } = super::store(super::postgres_place());
    let (node, now) = (Clients::new(db.clone()), OffsetDateTime::now_utc());
    clients::add(&db, &named("First"), TEST, now).await.unwrap();
    look(&node).await;
    execute(&db, "ALTER TABLE clients RENAME TO rows").unwrap();
    let view = "CREATE VIEW clients AS SELECT rows.* FROM rows, (SELECT pg_sleep(2) OFFSET 0) AS slowly";
    execute(&db, view).unwrap();
    let overtaking = async {
        let begun = "SELECT query AS line FROM pg_stat_activity WHERE datname = current_database() \
                     AND wait_event = 'PgSleep'";
        while lines(&db, begun).is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        execute(&db, "UPDATE rows SET metadata = replace(metadata, 'First', 'Second')").unwrap();
        let next =
            "UPDATE facts SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = 'client_changes'";
        execute(&db, next).unwrap();
        let note = "INSERT INTO client_changes (seq, client_id) \
                    SELECT CAST(value AS BIGINT), 'app' FROM facts WHERE name = 'client_changes'";
        execute(&db, note).unwrap();
        look(&node).await;
    };
    let (read, ()) = tokio::join!(name(&node), overtaking);
    assert_eq!(read, "First");
    assert_eq!(name(&node).await, "Second", "what was read before the change is kept");
}

/// A node that cannot look any more trusts its memory for five seconds, and then the database alone.
#[actix_web::test]
async fn what_is_kept_is_not_trusted_for_long_without_looking() {
    let Store { db, _folder, .. } = super::store(super::sqlite_place());
    let (node, now) = (Clients::new(db.clone()), OffsetDateTime::now_utc());
    clients::add(&db, &named("First"), TEST, now).await.unwrap();
    look(&node).await;
    assert_eq!(name(&node).await, "First");
    execute(&db, "ALTER TABLE client_changes RENAME TO hidden").unwrap();
    execute(&db, "UPDATE clients SET metadata = replace(metadata, 'First', 'Second')").unwrap();
    let begun = std::time::Instant::now();
    while name(&node).await == "First" {
        assert!(node.look().await.is_err());
        assert!(begun.elapsed().as_millis() < 5500, "an old client lives on");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(begun.elapsed().as_secs() >= 4, "a short outage takes nothing from memory");
}
