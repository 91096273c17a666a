//! Steps of the keys: what is due does not wait for what takes its time.

use std::time::Duration;

use countersign::clock::Clock;
use countersign::keys::key_set::Keys;
use countersign::keys::policy::KeyPolicy;
use countersign::protocol::client::SigningAlg::{self, ES256, RS256};
use countersign::protocol::lifetimes::Lifetimes;
use countersign::store::signing_keys;

use super::{given, key_text};
use crate::store::{execute, open, sqlite_place};

/// An RSA key of this size takes a multiple of any request, and of the 200 ms after which a node looks again.
pub fn slow_keys() -> KeyPolicy {
    let settings = toml::from_str("rsa_bits = 4096\njwks_max_age = 2\npublish_before = 3000").unwrap();
    KeyPolicy::new(settings, Lifetimes::default().longest_token()).unwrap()
}

/// While an RSA key is made, the spare that takes no time to make is published. Some are made before a node looks
/// again: then once more.
#[test]
fn what_is_due_does_not_wait_for_a_key_that_is_being_made() {
    let (url, _folder) = sqlite_place();
    let (db, clock) = (open(&url).unwrap(), Clock::default());
    let keys = Keys::open(&db, &given(&key_text()), &slow_keys(), clock.now()).unwrap();
    let stepped = (0..8).any(|_| {
        execute(&db, "DELETE FROM signing_keys WHERE state <> 'active'").unwrap();
        std::thread::scope(|scope| {
            let turn = scope.spawn(|| keys.rotate(&db, &clock).unwrap());
            let mut stepped = false;
            while !turn.is_finished() && !stepped {
                let stored = db.read_now(signing_keys::list).unwrap();
                let spare = |alg: SigningAlg, state: &str| {
                    stored.iter().any(|key| key.alg == alg.name() && key.state == state)
                };
                stepped = spare(ES256, "published") && !spare(RS256, "pending") && !spare(RS256, "published");
                std::thread::sleep(Duration::from_millis(5));
            }
            stepped
        })
    });
    assert!(stepped, "the spare for ES256 waits until the one for RS256 is made");
}
