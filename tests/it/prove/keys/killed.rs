//! Real processes on one database, killed at any moment: the keys are never in a state that the next
//! start cannot go on from.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use countersign::db::Db;
use countersign::protocol::client::SigningAlg;
use countersign::secret::{Key, base64url};
use countersign::store::signing_keys::{self, StoredKey};

use crate::cli::{Shell, serving};
use crate::store::execute;
use crate::support::postgres;

/// Everything is due within seconds; what takes longer is made to be due by moving the stamps.
const KEYS: &str = "[keys]\njwks_max_age = 1\npublish_before = 3\npublish_after = 602\nrotate_every = 4\nretain = 1\nskew = 1";

fn stored(db: &Db) -> Vec<StoredKey> {
    db.read_now(signing_keys::list_all).unwrap()
}

fn check(keys: &[StoredKey]) {
    for alg in SigningAlg::ALWAYS {
        let count =
            |state: &str| keys.iter().filter(|key| key.alg == alg.name() && key.state == state).count();
        assert_eq!(count("active"), 1, "{keys:?}");
        assert!(count("published") + count("pending") <= 1, "{keys:?}");
    }
    for key in keys {
        let needs = matches!(key.state.as_str(), "pending" | "published" | "active");
        assert_eq!(key.private_sealed.is_some(), needs, "{key:?}");
    }
}

#[test]
fn whenever_a_node_on_postgres_is_killed_the_others_go_on() {
    let (url, instance) = (postgres::database(), base64url(Key::generate().expose()));
    let shell = Shell::new();
    let config =
        format!("database_url = \"{url}\"\ninstance_key = \"{instance}\"\nlisten = \"127.0.0.1:0\"\n{KEYS}");
    shell.file("countersign.toml", config);
    let db = crate::store::open(&countersign::db::Url::parse(&url).unwrap()).unwrap();
    let (begun, mut seen, mut kills) = (Instant::now(), BTreeSet::new(), 0_u64);
    let mut nodes = vec![serving::start(&shell, &[("COUNTERSIGN_LOG", "warn")])];
    while kills < 16 || seen.len() < 5 * 2 {
        assert!(begun.elapsed() < Duration::from_secs(120), "only {} keys were made", seen.len());
        nodes.push(serving::start(&shell, &[("COUNTERSIGN_LOG", "warn")]));
        // As if time went by quickly: whatever is held is over soon.
        let sooner =
            "UPDATE signing_keys SET since = since - 300, until = until - 300 WHERE state <> 'published'";
        execute(&db, sooner).unwrap();
        execute(&db, "UPDATE signing_keys SET until = until - 3 WHERE state = 'published'").unwrap();
        std::thread::sleep(Duration::from_millis(37 * (kills % 11)));
        // Dropped is killed, with SIGKILL; the older of the two.
        drop(nodes.remove(0));
        kills += 1;
        let keys = stored(&db);
        check(&keys);
        seen.extend(keys.into_iter().map(|key| key.kid));
    }
    let states: BTreeSet<String> = stored(&db).into_iter().map(|key| key.state).collect();
    assert!(states.contains("destroyed") && states.contains("active"), "every step was taken: {states:?}");
}
