//! The demo sets up its provider by the operations of every operator: each change has its event and its consequences.

use std::path::Path;

use countersign::clock::Clock;
use countersign::db::{Db, Durability, Url};
use countersign::demo::{self, Options, Ports};
use countersign::protocol::client::Client;
use countersign::store::events::{self, StoredEvent, Wanted};
use countersign::store::{MIGRATIONS, clients};

use crate::store::execute;
use crate::support::log;

const PORTS: Ports = Ports { provider: 0, bank: 0, fund: 0, api: 0 };

fn options(folder: &Path) -> Options {
    Options {
        data_dir: folder.join("data"),
        keys_dir: folder.join("keys"),
        ports: PORTS,
        clock: Clock::default(),
    }
}

async fn told(db: &Db) -> Vec<StoredEvent> {
    let wanted = Wanted { person: None, client: None, since: None, names: vec![], most: 100 };
    events::list(db, wanted, None).await.unwrap()
}

#[actix_web::test]
async fn each_start_registers_the_sites_as_they_are_now() {
    log::start();
    let folder = tempfile::tempdir().unwrap();
    let database = Url::Sqlite(folder.path().join("data/countersign.db"));
    let first = demo::start(options(folder.path())).await.unwrap();
    let passwords: Vec<String> = first.people.iter().map(|person| person.password.clone()).collect();
    first.stop().await;
    let db = Db::open(&database, Durability::Power, MIGRATIONS).unwrap();
    let before = clients::by_id(&db, "demo-fund").await.unwrap().unwrap();
    let all = told(&db).await;
    for (name, count) in [("app.created", 3), ("person.created", 2), ("app.changed", 0)] {
        let of_name: Vec<&StoredEvent> = all.iter().filter(|told| told.event == name).collect();
        assert_eq!(of_name.len(), count, "{name}");
        assert!(
            of_name.iter().all(|told| told.actor_kind == "system" && told.actor.as_deref() == Some("demo"))
        );
    }

    // The sites have other ports now, and the passwords and the secret of the file are lost.
    std::fs::remove_file(folder.path().join("data/demo.json")).unwrap();
    let second = demo::start(options(folder.path())).await.unwrap();
    let home = format!("{}/", second.fund);
    assert!(second.people.iter().all(|person| !passwords.contains(&person.password)));
    second.stop().await;
    let after = clients::by_id(&db, "demo-fund").await.unwrap().unwrap();
    assert_eq!(after.metadata.client_uri.as_deref(), Some(home.as_str()));
    assert!(after.metadata.first_party && after.registered_at == before.registered_at);
    let hash = |client: &Client| client.secrets.newest().unwrap().hash;
    assert!(!hash(&after).matches(&hash(&before)), "a lost secret is replaced");
    let all = told(&db).await;
    for (name, count) in [("app.changed", 2), ("app.secret.rotated", 1), ("person.password.changed", 2)] {
        let of_name: Vec<&StoredEvent> = all.iter().filter(|told| told.event == name).collect();
        assert_eq!(
            of_name.len(),
            count,
            "{name}: {:?}",
            all.iter().map(|told| &told.event).collect::<Vec<_>>()
        );
        assert!(of_name.iter().all(|told| told.actor.as_deref() == Some("demo")), "{name}");
    }
}

/// A real provider's database does not become a demo's, whose passwords are printed.
#[actix_web::test]
async fn a_database_with_people_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = demo::start(options(folder.path())).await.unwrap();
    first.stop().await;
    let db = Db::open(&Url::Sqlite(folder.path().join("data/countersign.db")), Durability::Power, MIGRATIONS);
    execute(&db.unwrap(), "DELETE FROM facts WHERE name = 'demo'").unwrap();
    let refused = demo::start(options(folder.path())).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("is no demo"), "{refused}");
}
