//! What others wrote and we build with, as the lock file has it. Licences and advisories are for cargo-deny.

use std::fs;
use std::path::Path;

use toml::{Table, Value};

fn read(file: &str) -> Table {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    text.parse().unwrap()
}

/// Name, version, and the rest of what is known of each package.
fn packages() -> Vec<(String, String, Table)> {
    let mut lock = read("Cargo.lock");
    let Some(Value::Array(packages)) = lock.remove("package") else { panic!("no packages") };
    let text = |package: &Table, name: &str| package[name].as_str().unwrap().to_owned();
    let packages = packages.into_iter().map(|package| package.try_into::<Table>().unwrap());
    packages.map(|package| (text(&package, "name"), text(&package, "version"), package)).collect()
}

#[test]
fn everything_foreign_comes_from_the_registry_with_its_checksum() {
    let ours = ["countersign", "countersign-fuzz", "countersign-verifier"];
    let packages = packages();
    assert!(packages.len() > 100, "the search has lost its way");
    for (name, version, package) in packages {
        let of = |what: &str| package.get(what).and_then(Value::as_str).unwrap_or_default();
        if ours.contains(&name.as_str()) {
            assert_eq!((of("source"), of("checksum")), ("", ""), "{name} is ours");
            continue;
        }
        let (source, checksum) = (of("source"), of("checksum"));
        let is_registry = source == "registry+https://github.com/rust-lang/crates.io-index";
        assert!(is_registry, "{name} {version} comes from {source:?}");
        let is_checksum = checksum.len() == 64 && checksum.bytes().all(|c| c.is_ascii_hexdigit());
        assert!(is_checksum, "{name} {version} has the checksum {checksum:?}");
    }
}

/// `0.3.27` as numbers, as far as they are.
fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', '+']).map_while(|number| number.parse().ok()).collect()
}

#[test]
fn nothing_is_in_the_lock_file_that_is_banned() {
    let deny = read("deny.toml");
    let banned: Vec<&str> =
        deny["bans"]["deny"].as_array().unwrap().iter().map(|ban| ban["crate"].as_str().unwrap()).collect();
    assert!(banned.contains(&"rustls") && banned.len() > 3, "{banned:?}");
    let packages = packages();
    for ban in banned {
        let (name, below) = match ban.split_once(':') {
            None => (ban, None),
            Some((name, versions)) => {
                let below = versions.strip_prefix('<').expect("only `<` is understood here so far");
                (name, Some(numbers(below)))
            }
        };
        let is_banned = |version: &str| below.as_ref().is_none_or(|below| numbers(version) < *below);
        let found = packages.iter().find(|(other, version, _)| other == name && is_banned(version));
        assert!(found.is_none(), "{ban} is banned: {found:?}");
    }
}
