//! A node whose clock is not the database's.

use countersign::clock::Clock;
use countersign::keys::key_set::Keys;
use countersign::protocol::client::SigningAlg::{ES256, RS256};
use countersign::store::signing_keys::{self, KeyState};

use super::{given, key_text, policy};
use crate::store::{execute, lines, open, postgres_place};

/// One wrong clock must not rotate away what the others sign with: beside a database whose clock is far
/// from its own, a node looks and takes no step.
#[test]
fn far_from_the_clock_of_postgres_no_step_is_taken() {
    let (url, _) = postgres_place();
    let (db, clock) = (open(&url).unwrap(), Clock::default());
    let keys = Keys::open(&db, &given(&key_text()), &policy(), clock.now()).unwrap();
    assert!(keys.clock_offset(&db, &clock).unwrap().unwrap().abs() < time::Duration::minutes(1));
    let name = lines(&db, "SELECT current_database()::text AS line").remove(0);
    let lie = "CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql AS \
               'SELECT pg_catalog.clock_timestamp() - interval ''10 minutes'''";
    execute(&db, lie).unwrap();
    execute(&db, &format!("ALTER DATABASE {name} SET search_path = public, pg_catalog")).unwrap();
    let states = || db.read_now(signing_keys::list).unwrap().into_iter().map(|key| key.state);
    // Connections of before know the right time.
    let late = open(&url).unwrap();
    assert!(keys.clock_offset(&late, &clock).unwrap().unwrap() > time::Duration::minutes(9));
    keys.rotate(&late, &clock).unwrap();
    assert!(states().all(|state| state == KeyState::Active.name()), "no spare was made");
    assert_eq!(keys.snapshot.load().algorithms(), [RS256, ES256], "and it goes on signing");
    keys.rotate(&db, &clock).unwrap();
    assert_eq!(states().filter(|state| state == KeyState::Published.name()).count(), 2);
}
