//! The instance key: when it may be made, when it must be brought, and what is said about it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use countersign::keys::fingerprint::FACT;
use countersign::keys::instance::{FILE, Given, InstanceKeys, Source};
use countersign::keys::jose::{KeyPair, thumbprint};
use countersign::keys::promise;
use countersign::keys::seal::seal;
use countersign::keys::stored_key::PURPOSE;
use countersign::protocol::client::SigningAlg;
use countersign::store::facts;
use countersign::store::signing_keys::{self, StoredKey};
use tempfile::TempDir;

use super::{database, given, instance, key_text, now, open, policy, refused};
use crate::store::{Store, postgres_place, store};

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys").join(FILE);
    (folder, path)
}

fn file(path: &Path, may_create: bool) -> Source {
    Source::File { path: path.into(), may_create }
}

fn write(path: &Path, mode: u32, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn it_is_made_beside_an_empty_embedded_database_for_its_owner_alone() {
    let (Store { db, _folder: _data, .. }, (_folder, path)) = (database(), folder());
    let made = open(&db, &file(&path, true)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let fingerprint = made.instance.fingerprints().remove(0);
    assert!(fs::read_to_string(&path).unwrap().contains(&fingerprint), "the file says which key it is");
    assert_eq!(db.read_now(|conn| facts::get(conn, FACT)).unwrap().unwrap(), fingerprint);
    let again = open(&db, &file(&path, true)).unwrap();
    assert_eq!(again.instance.fingerprints(), [fingerprint]);
    assert_eq!(again.snapshot.load().jwks.bytes, made.snapshot.load().jwks.bytes);
    assert!(InstanceKeys::create(&path).is_err(), "never over another");
}

#[test]
fn it_is_not_made_where_it_was_asked_for_by_name() {
    let (Store { db, _folder: _data, .. }, (_folder, path)) = (database(), folder());
    let said = refused(&db, &file(&path, false));
    assert!(said.contains("countersign keys init") && said.contains(path.to_str().unwrap()), "{said}");
    assert!(!path.exists());
}

#[test]
fn postgres_wants_one_that_every_node_has() {
    let (Store { db, _folder: _data, .. }, (_folder, path)) = (store(postgres_place()), folder());
    let said = refused(&db, &file(&path, true));
    assert!(said.contains("countersign keys init") && said.contains("every node"), "{said}");
    assert!(!path.exists());
    InstanceKeys::create(&path).unwrap();
    open(&db, &file(&path, true)).unwrap();
}

#[test]
fn a_wrong_key_refuses_and_says_which_one_is_needed() {
    let (Store { db, _folder, .. }, right, wrong) = (database(), key_text(), key_text());
    let needed = open(&db, &given(&right)).unwrap().instance.fingerprints().remove(0);
    let at_hand = instance(&wrong).fingerprints().remove(0);
    let said = refused(&db, &given(&wrong));
    assert!(said.contains(&needed) && said.contains(&at_hand), "{said}");
    assert!(!said.contains(&right) && !said.contains(&wrong), "{said}");
    open(&db, &given(&right)).unwrap();
}

#[test]
fn a_lost_key_refuses_and_makes_no_new_one() {
    let (Store { db, _folder: _data, .. }, (_folder, path)) = (database(), folder());
    let needed = open(&db, &file(&path, true)).unwrap().instance.fingerprints().remove(0);
    fs::remove_file(&path).unwrap();
    let said = refused(&db, &file(&path, true));
    assert!(said.contains(&needed) && said.contains(path.to_str().unwrap()), "{said}");
    assert!(!path.exists());
}

#[test]
fn a_file_that_others_can_read_is_refused_with_the_remedy() {
    let (Store { db, _folder: _data, .. }, (_folder, path), text) = (database(), folder(), key_text());
    for mode in [0o644, 0o640, 0o604, 0o660, 0o601] {
        write(&path, mode, &text);
        let said = refused(&db, &file(&path, true));
        assert!(said.contains(&format!("chmod 600 {}", path.display())), "{said}");
        assert!(said.contains(&format!("{mode:o}")) && !said.contains(&text), "{said}");
    }
    for mode in [0o600, 0o400] {
        write(&path.with_extension(format!("{mode:o}")), mode, &text);
        open(&db, &file(&path.with_extension(format!("{mode:o}")), true)).unwrap();
    }
}

/// The first seals, all open: an old key stays in the list until everything is sealed anew.
#[test]
fn of_several_the_first_seals_and_all_open() {
    use countersign::keys::seal::open as unseal;
    let (old, new) = (key_text(), key_text());
    let sealed = seal(&instance(&old), "test", b"", b"plain");
    for both in [format!("{new} {old}"), format!("{new},{old}"), format!("# new\n{new} # first\n\n\t{old}\n")]
    {
        let both = instance(&both);
        assert_eq!(
            both.fingerprints(),
            [instance(&new).fingerprints(), instance(&old).fingerprints()].concat()
        );
        assert_eq!(unseal(&both, "test", b"", &sealed).unwrap(), b"plain");
        let sealed = seal(&both, "test", b"", b"plain");
        assert_eq!(unseal(&instance(&new), "test", b"", &sealed).unwrap(), b"plain");
        assert!(unseal(&instance(&old), "test", b"", &sealed).is_err());
    }
    let Store { db, _folder, .. } = database();
    let before = open(&db, &given(&old)).unwrap();
    let after = open(&db, &given(&format!("{new} {old}"))).unwrap();
    assert_eq!(after.snapshot.load().jwks.bytes, before.snapshot.load().jwks.bytes);
    assert_eq!(after.sid.expose(), before.sid.expose());
    assert_eq!(after.pairwise.expose(), before.pairwise.expose());
}

#[test]
fn what_is_no_key_is_refused_without_repeating_it() {
    let good = key_text();
    for bad in [
        "",
        "  \n# only words\n",
        "hunter2",
        &good[..42],
        &format!("{good}A"),
        &format!("{good}="),
        &good.replace(|c: char| c.is_ascii_alphanumeric(), "+"),
        &format!("{good} hunter2"),
    ] {
        let said = InstanceKeys::read(&given(bad)).err().expect(bad).to_string();
        assert!(said.contains("keys init") || said.contains("empty"), "{said}");
        assert!(!said.contains("hunter2") && !said.contains(&good[..20]), "{said}");
    }
}

#[test]
fn debug_forms_show_nothing() {
    let text = key_text();
    let source = given(&text);
    for shown in [format!("{source:?}"), format!("{:?}", Given(text.clone())), format!("{source:#?}")] {
        assert!(!shown.contains(&text), "{shown}");
    }
}

/// Nodes that start on an empty database at the same moment agree on one set of keys.
#[test]
fn of_four_nodes_that_start_at_once_none_fails() {
    for Store { db, _folder, .. } in [database(), store(postgres_place())] {
        let (text, ready) = (key_text(), std::sync::Barrier::new(4));
        let node = || {
            ready.wait();
            open(&db, &given(&text)).map(|keys| keys.snapshot.load().jwks.bytes.clone())
        };
        let sets: Vec<_> = std::thread::scope(|scope| {
            let nodes: Vec<_> = (0..4).map(|_| scope.spawn(node)).collect();
            nodes.into_iter().map(|node| node.join().unwrap()).collect()
        });
        let first = sets[0].as_ref().unwrap();
        for set in &sets {
            let text = |set: &[u8]| String::from_utf8_lossy(set).into_owned();
            assert_eq!(text(set.as_ref().unwrap()), text(first));
        }
    }
}

/// The other node has made its keys but not committed them yet: ours must give way, and use those.
#[test]
fn a_node_that_comes_second_uses_the_keys_of_the_first() {
    let Store { db, _folder, .. } = store(postgres_place());
    let text = key_text();
    let (begun, wait) = std::sync::mpsc::channel();
    let made: Vec<StoredKey> =
        SigningAlg::ALWAYS.into_iter().map(|alg| stored_key(alg, &instance(&text))).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            db.write_now(|conn| {
                promise::lock(conn, &policy())?;
                for key in &made {
                    signing_keys::insert(conn, key, now())?;
                }
                begun.send(()).unwrap();
                std::thread::sleep(std::time::Duration::from_secs(2));
                Ok(())
            })
            .unwrap();
        });
        wait.recv().unwrap();
        let jwks = open(&db, &given(&text)).unwrap().snapshot.load().jwks.bytes.clone();
        let jwks = String::from_utf8(jwks.to_vec()).unwrap();
        assert!(made.iter().all(|key| jwks.contains(&key.kid)), "{jwks}");
    });
}

fn stored_key(alg: SigningAlg, instance: &InstanceKeys) -> StoredKey {
    let pair = KeyPair::generate(alg, 2048).unwrap();
    let kid = thumbprint(&pair.public_jwk);
    StoredKey {
        alg: alg.name().into(),
        state: "active".into(),
        public_jwk: serde_json::to_string(&pair.public_jwk).unwrap(),
        private_sealed: Some(seal(instance, PURPOSE, kid.as_bytes(), &pair.private_der)),
        created_at: now().unix_timestamp(),
        since: now().unix_timestamp(),
        until: 0,
        kid,
    }
}

/// With different instance keys only one node can have sealed the database: the others must not run.
#[test]
fn of_four_nodes_with_different_keys_one_starts() {
    for Store { db, _folder, .. } in [database(), store(postgres_place())] {
        let ready = std::sync::Barrier::new(4);
        let node = || {
            let text = key_text();
            ready.wait();
            (open(&db, &given(&text)).is_ok(), instance(&text).fingerprints().remove(0))
        };
        let started: Vec<(bool, String)> = std::thread::scope(|scope| {
            let nodes: Vec<_> = (0..4).map(|_| scope.spawn(node)).collect();
            nodes.into_iter().map(|node| node.join().unwrap()).collect()
        });
        let winners: Vec<&String> = started.iter().filter(|(ok, _)| *ok).map(|(_, key)| key).collect();
        let recorded = db.read_now(|conn| facts::get(conn, FACT)).unwrap().unwrap();
        assert_eq!(winners, [&recorded]);
    }
}
