//! The documents name tests; a name that leads nowhere would be a promise nobody keeps.

use std::fs;
use std::path::Path;

/// Takes the `file::function` names out of one line of a table, each with the folder it is meant below.
fn names(line: &str) -> Vec<(&'static str, &str, &str)> {
    let (mut folder, mut found) = ("tests/it", vec![]);
    // Every other piece stands between backticks.
    for (at, piece) in line.split('`').enumerate() {
        if at % 2 == 1 {
            found.extend(piece.split_once("::").map(|(file, function)| (folder, file, function)));
        } else if piece.contains("verifier:") {
            folder = "verifier/tests/it";
        } else if piece.contains(';') {
            folder = "tests/it";
        }
    }
    found
}

#[test]
fn every_test_named_in_threats_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let threats = fs::read_to_string(root.join("docs/THREATS.md")).unwrap();
    let named: Vec<_> = threats.lines().flat_map(names).collect();
    assert!(named.len() > 80, "the search has lost its way: {named:?}");
    for (folder, file, function) in named {
        let path = root.join(folder).join(format!("{file}.rs"));
        let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(source.contains(&format!("fn {function}(")), "{} has no {function}", path.display());
    }
}

#[test]
fn every_row_of_threats_has_a_test_or_says_that_it_has_none() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let threats = fs::read_to_string(root.join("docs/THREATS.md")).unwrap();
    let is_head = |line: &str| line.starts_with("| attack") || line.starts_with("| budget");
    let rows = threats.lines().filter(|line| line.starts_with("| ") && !is_head(line));
    for row in rows {
        let tests = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap();
        let kept = tests.contains("::") || tests.contains("harness") || tests.contains(".ci/run");
        assert!(kept || tests.contains("no test yet"), "{row}");
    }
}

/// `make test` leaves the proofs out, so a row that only they hold names the command that runs them.
#[test]
fn a_row_that_only_proofs_hold_says_how_they_are_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let threats = fs::read_to_string(root.join("docs/THREATS.md")).unwrap();
    let mut proven = 0;
    for row in threats.lines().filter(|line| line.starts_with('|')) {
        let area = |(_, file, _): (&str, &str, &str)| {
            let path = file.strip_prefix("prove/")?;
            path.split('/').next().map(|area| format!("`make prove {area}`"))
        };
        let areas: Vec<Option<String>> = names(row).into_iter().map(area).collect();
        if areas.is_empty() || areas.contains(&None) {
            continue;
        }
        proven += 1;
        assert!(areas.iter().flatten().all(|command| row.contains(command)), "{row}");
    }
    assert!(proven > 0, "the search has lost its way");
}
