//! `countersign keys`.

use std::os::unix::fs::PermissionsExt;

use countersign::clock::Clock;
use countersign::keys::key_set::Keys;
use serde_json::Value;

use super::{Done, Shell};

#[test]
fn a_key_is_written_once_and_never_over_another() {
    let shell = Shell::new();
    let done = shell.run(&["keys", "init", "--json"]).good().json();
    let file = shell.path("keys/instance.key");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&file).unwrap();
    assert!(String::from_utf8_lossy(&before).contains(done["fingerprint"].as_str().unwrap()));
    shell.run(&["keys", "init"]).bad("is not overwritten");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert!(!shell.path("data").exists());
}

#[test]
fn a_sealed_database_wants_its_own_key_back() {
    let shell = Shell::new();
    shell.client(&[]);
    // Not sealed yet: a new key is welcome.
    shell.run(&["keys", "init"]).good();
    let config = shell.config();
    Keys::open(&shell.db(), &config.instance_key, &config.keys, Clock::default().now()).unwrap();
    std::fs::remove_file(shell.path("keys/instance.key")).unwrap();
    shell.run(&["keys", "init"]).bad("is sealed with instance key");
    assert!(!shell.path("keys/instance.key").exists());
}

#[test]
fn a_printed_key_works_as_a_setting() {
    let shell = Shell::new();
    let printed = shell.run(&["keys", "init", "--print"]).good().out;
    assert_eq!(printed.trim_end().len(), 43);
    assert_ne!(printed, shell.run(&["keys", "init", "--print"]).good().out);
    let init =
        shell.command(&["keys", "init"]).env("COUNTERSIGN_INSTANCE_KEY", printed.trim_end()).spawn().unwrap();
    Done::of(init).bad("use --print");
    assert!(!shell.path("keys").exists() && !shell.path("data").exists());
}

#[test]
fn signing_keys_are_listed_without_any_private_key() {
    let shell = Shell::new();
    assert!(shell.run(&["keys", "list"]).good().out.contains("no signing keys yet"));
    let (config, now) = (shell.config(), Clock::default().now());
    let keys = Keys::open(&shell.db(), &config.instance_key, &config.keys, now).unwrap();
    let fingerprint = keys.instance.fingerprints().remove(0);
    std::fs::remove_dir_all(shell.path("keys")).unwrap();
    let done = shell.run(&["keys", "list", "--json"]).good();
    let listed = done.json();
    assert_eq!(listed["instance_key"], Value::from(fingerprint.clone()));
    let mut algs: Vec<&str> = listed["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| {
            assert_eq!(
                (&key["state"], &key["sealed_by"]),
                (&Value::from("active"), &Value::from(fingerprint.clone()))
            );
            key["alg"].as_str().unwrap()
        })
        .collect();
    algs.sort_unstable();
    assert_eq!(algs, ["ES256", "RS256"]);
    assert!(shell.run(&["keys", "list"]).good().out.contains("signs and is published"));
}
