//! Comments name their subject: a connection, a task, a client. Pronouns for a person say less than that. The page that
//! names the words and the place of each rule names files that exist.

use std::fs;
use std::path::{Path, PathBuf};

/// The words that hide the subject of a comment.
const PRONOUNS: [&str; 4] = ["nobody", "somebody", "whoever", "everybody"];

/// The comment of a line, if there is one: what follows `//` outside of a string.
fn comment(line: &str) -> Option<&str> {
    let begins = |(at, _): &(usize, &str)| line[..*at].matches('"').count().is_multiple_of(2);
    let (at, _) = line.match_indices("//").find(begins)?;
    Some(&line[at..])
}

fn pronoun(comment: &str) -> Option<&'static str> {
    let words: Vec<String> = comment.split(|c: char| !c.is_alphabetic()).map(str::to_lowercase).collect();
    PRONOUNS.into_iter().find(|pronoun| words.iter().any(|word| word == pronoun))
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "rs")
}

/// Every Rust file below a folder of the repository.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    found.filter(|path| is_rust(path)).collect()
}

#[test]
fn comments_name_their_subject() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["src", "verifier/src", "benches", "fuzz/src"];
    let (mut read, mut faults) = (0, vec![]);
    for path in folders.iter().flat_map(|folder| files(&root.join(folder))) {
        let place = path.strip_prefix(root).unwrap();
        for (at, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let Some(comment) = comment(line) else { continue };
            read += 1;
            if let Some(pronoun) = pronoun(comment) {
                faults.push(format!("{}:{}: {pronoun}: {comment}", place.display(), at + 1));
            }
        }
    }
    assert!(read > 2000, "only {read} comments were read");
    assert!(faults.is_empty(), "name the subject instead:\n{}", faults.join("\n"));
}

/// The table "Where a rule is" of ARCHITECTURE: rules below `src/`, then tests below `tests/it/`.
#[test]
fn the_map_of_the_rules_names_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/ARCHITECTURE.md")).unwrap();
    let table = page.split_once("## Where a rule is").unwrap().1.split("\n## ").next().unwrap();
    let mut named = 0;
    for row in table.lines().filter(|line| line.starts_with("| ") && line.contains(".rs`")) {
        let cells: Vec<&str> = row.split('|').skip(2).collect();
        for (folder, cell) in ["src", "tests/it"].iter().zip(cells) {
            let files = cell.split('`').skip(1).step_by(2).filter(|name| is_rust(Path::new(name)));
            for file in files {
                assert!(root.join(folder).join(file).is_file(), "there is no {folder}/{file}");
                named += 1;
            }
        }
    }
    assert!(named > 60, "only {named} files are named");
}

#[test]
fn a_pronoun_is_found_in_comments_alone() {
    let found = |line| comment(line).and_then(pronoun);
    assert_eq!(found("/// Nobody waits."), Some("nobody"));
    assert_eq!(found("let a = 1; // whoever it is"), Some("whoever"));
    assert_eq!(found(r#"say("nobody // somebody");"#), None);
    assert_eq!(found(r#"get("https://everybody.example"); // a host"#), None);
    assert_eq!(found("nobody(); // nobodys"), None);
}
