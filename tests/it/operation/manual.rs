//! docs/OPERATIONS.md says what there is, no more and no less.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use countersign::config::Config;
use countersign::protocol::span::parse;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The rows of the tables right below a heading; each as its cells.
fn rows(manual: &str, heading: &str) -> Vec<Vec<String>> {
    let rest = manual.split(&format!("\n{heading}\n")).nth(1).unwrap_or_else(|| panic!("no {heading}"));
    let part = rest.split("\n#").next().unwrap();
    let rows = part.lines().filter(|line| line.starts_with("| `"));
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    rows.map(cells).collect()
}

fn names(rows: &[Vec<String>]) -> BTreeSet<String> {
    let names: Vec<String> = rows.iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    let each = names.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(each.len(), names.len(), "something is said twice: {names:?}");
    each
}

/// The members of a structure, as its source has them.
fn members(path: &str, structure: &str) -> BTreeSet<String> {
    let source = read(path);
    let body = source.split(&format!("pub struct {structure} {{")).nth(1);
    let body = body.or_else(|| source.split(&format!("pub(super) struct {structure} {{")).nth(1)).unwrap();
    let lines = body.split("\n}").next().unwrap().lines().map(str::trim);
    let members = lines.filter(|line| !line.starts_with("//") && !line.starts_with('#'));
    let name = |line: &str| Some(line.rsplit_once(": ")?.0.rsplit(' ').next()?.to_owned());
    members.filter_map(name).collect()
}

#[test]
fn every_setting_is_described_and_no_other() {
    let manual = read("docs/OPERATIONS.md");
    let mut settings = members("src/config/settings.rs", "Settings");
    assert!(settings.len() > 12, "{settings:?}");
    // The tables of the file, which have parts of their own.
    assert!(["resource", "keys", "audit", "lifetimes"].iter().all(|table| settings.remove(*table)));
    assert_eq!(names(&rows(&manual, "## Settings")), settings);
    let keys = rows(&manual, "### `[keys]`: signing keys");
    assert_eq!(names(&keys), members("src/keys/policy.rs", "KeySettings"));
    let keep = rows(&manual, "### `[audit]`: how long events are kept");
    assert_eq!(names(&keep), members("src/config/audit.rs", "KeepSettings"));
    let lifetimes = rows(&manual, "### `[lifetimes]`: how long sessions, codes and tokens live");
    assert_eq!(names(&lifetimes), members("src/config/lifetimes.rs", "LifetimeSettings"));
    let resource = rows(&manual, "### `[[resource]]`: an API that tokens are issued for");
    let mut declared = members("src/protocol/resource/mod.rs", "Resource");
    assert!(declared.remove("place"), "it is where the file says so, and no setting");
    assert_eq!(names(&resource), declared);
}

/// Restoring empties the state store: every table that its migrations make is named there.
#[test]
fn the_whole_state_store_is_emptied_before_a_restore() {
    let manual = read("docs/OPERATIONS.md");
    let named = manual.split("TRUNCATE ").nth(1).unwrap().split('\'').next().unwrap();
    let named: BTreeSet<String> = named.split(", ").map(str::to_owned).collect();
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/state");
    let made = fs::read_dir(migrations).unwrap().flat_map(|migration| {
        let up = fs::read_to_string(migration.unwrap().path().join("up.sql")).unwrap();
        let tables = up.split("CREATE TABLE ").skip(1).map(|rest| rest.split(' ').next().unwrap().to_owned());
        tables.collect::<Vec<_>>()
    });
    assert_eq!(named, made.collect());
}

#[test]
fn defaults_are_what_the_manual_says() {
    let manual = read("docs/OPERATIONS.md");
    let default = |heading: &str, name: &str| {
        let rows = rows(&manual, heading);
        let row = rows.iter().find(|row| row[0] == format!("`{name}`")).unwrap_or_else(|| panic!("{name}"));
        row[1].trim_matches('`').to_owned()
    };
    let here = Path::new(".");
    let config = Config::development("http://localhost:8080", here, here, vec![]).unwrap();
    let keys = &config.keys;
    for (name, span) in [
        ("jwks_max_age", keys.jwks_max_age),
        ("publish_before", keys.publish_before),
        ("publish_after", keys.publish_after),
        ("rotate_every", keys.rotate_every),
        ("retain", keys.retain),
        ("skew", keys.skew),
    ] {
        assert_eq!(default("### `[keys]`: signing keys", name), span.whole_seconds().to_string(), "{name}");
    }
    let keep = &config.keep_events;
    for (name, span) in [("sign_ins", keep.sign_ins), ("changes", keep.changes), ("security", keep.security)]
    {
        let said = default("### `[audit]`: how long events are kept", name);
        assert_eq!(said, format!("\"{}d\"", span.whole_days()), "{name}");
    }
    let lifetimes = &config.lifetimes;
    for (name, span) in [
        ("session_idle", lifetimes.session.idle),
        ("session_absolute", lifetimes.session.absolute),
        ("stay_signed_in", lifetimes.session.remembered),
        ("code", lifetimes.code),
        ("id_token", lifetimes.id_token),
        ("access_token", lifetimes.access_token),
        ("refresh_idle", lifetimes.refresh_idle),
        ("refresh_absolute", lifetimes.refresh_absolute),
    ] {
        let said = default("### `[lifetimes]`: how long sessions, codes and tokens live", name);
        assert_eq!(parse(said.trim_matches('"')), Some(span), "{name}");
    }
    assert_eq!(default("### `[keys]`: signing keys", "rsa_bits"), keys.rsa_bits.to_string());
    let algorithms: Vec<&str> = keys.algorithms.iter().map(|alg| alg.name()).collect();
    assert_eq!(default("### `[keys]`: signing keys", "algorithms"), format!("{algorithms:?}"));
    assert_eq!(default("## Settings", "log"), config.log);
    assert_eq!(default("## Settings", "issuer"), config.issuer);
    assert_eq!(default("## Settings", "log_format"), format!("{:?}", config.log_format).to_lowercase());
    assert_eq!(default("## Settings", "completion"), format!("{:?}", config.completion).to_lowercase());
    assert_eq!(default("## Settings", "state_url"), format!("{:?}", config.state).to_lowercase());
}

/// `metrics.txt` holds what a provider shows without TLS.
#[test]
fn every_metric_is_described_and_no_other() {
    let types = include_str!("metrics.txt").lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut shown: BTreeSet<&str> = types.filter_map(|line| line.split(' ').next()).collect();
    shown.insert("countersign_tls_certificate_expiry_timestamp_seconds");
    let manual = names(&rows(&read("docs/OPERATIONS.md"), "## Metrics"));
    assert_eq!(manual.iter().map(String::as_str).collect::<BTreeSet<_>>(), shown);
}

#[test]
fn every_file_that_is_shipped_is_named() {
    let manual = read("docs/OPERATIONS.md");
    let folder = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")).unwrap();
    let files: BTreeSet<String> =
        folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let named: BTreeSet<String> = names(&rows(&manual, "## What to run"));
    assert_eq!(named, files);
}
