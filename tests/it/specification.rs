//! `docs/PROTOCOL.md`: section of a specification → rule → test, made from the `Spec:` lines of the source.
//!
//! A test file holds the source file of the same path (`tests/it/protocol/hint.rs` holds `src/protocol/hint.rs`), those
//! in the folder of that path, and those that its own first lines name: ``//! Holds `web/browser/cookies.rs`.``

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The source trees, each with the folder of its tests and the way the page names it.
const TREES: [(&str, &str, &str); 2] =
    [("src", "tests/it", ""), ("verifier/src", "verifier/tests/it", "verifier: ")];

/// Where the page is, and the command that writes it.
const PAGE: &str = "docs/PROTOCOL.md";
const REMEDY: &str = "COUNTERSIGN_WRITE_PAGES=1 cargo test --test it specification::";

/// A source or test file: its path below its tree and its text.
struct File {
    path: PathBuf,
    text: String,
}

fn files(folder: &Path) -> Vec<File> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<File>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push(File { path: path.strip_prefix(root).unwrap().to_owned(), text });
            }
        }
    }
    let mut found = vec![];
    walk(folder, folder, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// One `Spec:` line: what it cites, and the item it stands above.
struct Rule {
    citations: Vec<(String, String)>,
    item: String,
}

/// The rules of a source file. A `Spec:` line in the head of the file speaks of the whole file.
fn rules(text: &str) -> Vec<Rule> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = vec![];
    for (number, line) in lines.iter().enumerate() {
        let Some((_, cited)) = line.split_once("Spec: ").filter(|_| line.starts_with("//")) else { continue };
        // A citation may go on in the next line of the comment.
        let more = lines[number + 1..].iter().take_while(|line| line.starts_with("//") && line.len() > 3);
        let cited = more.fold(cited.to_owned(), |cited, line| {
            format!("{cited} {}", line.trim_start_matches(['/', '!', ' ']))
        });
        let below = lines[number..].iter().find_map(|line| named(line)).unwrap_or_default();
        let item = if line.starts_with("//!") { String::new() } else { below };
        found.push(Rule { citations: citations(&cited), item });
    }
    found
}

/// The name of the item that a line begins.
fn named(line: &str) -> Option<String> {
    if line.starts_with("//") || line.starts_with('#') {
        return None;
    }
    let line =
        line.split_once(") ").filter(|(left, _)| left.starts_with("pub(")).map_or(line, |(_, rest)| rest);
    let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    let kinds = ["fn", "struct", "enum", "const", "static", "trait", "type", "mod", "impl"];
    let before = ["pub", "async", "unsafe"];
    let first = words.find(|word| !before.contains(word))?;
    if kinds.contains(&first) { words.next().map(Into::into) } else { Some(first.into()) }
}

/// Documents that are cited under two names, each with the one the page uses.
const SPELLINGS: [(&str, &str); 3] =
    [("OpenID Connect RP-Initiated", "RP-Initiated"), ("Fetch Standard", "Fetch"), ("OAuth 2.0 ", "")];

/// Takes "RFC 6749 §4.1.3, §10.5; OpenID Connect Core §2 (`sub`)" apart: each document with each of its sections.
fn citations(cited: &str) -> Vec<(String, String)> {
    let (mut document, mut found) = (String::new(), vec![]);
    let mut depth = 0;
    let separated = cited.replace(
        |c: char| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0 && (c == ',' || c == ';')
        },
        "\n",
    );
    for part in separated.lines().map(str::trim) {
        let part = part.split(" (").next().unwrap_or_default().trim_end_matches('.').trim_matches('`');
        // What has no number is a remark on the citation before it.
        if !part.contains(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let (name, section) = part.split_once('§').unwrap_or((part, ""));
        if !name.trim().is_empty() {
            let usual = |name: &str, (written, usual): &(&str, &str)| name.replacen(written, usual, 1);
            document = SPELLINGS.iter().fold(name.trim().to_owned(), |name, pair| usual(&name, pair));
        }
        found.push((document.clone(), section.trim().to_owned()));
    }
    found
}

/// The source files that a test file holds, beside the one of its own path.
fn held(test: &File) -> Vec<String> {
    let head = test.text.lines().take_while(|line| line.starts_with("//!"));
    let head: Vec<&str> = head.map(|line| line.trim_start_matches("//! ")).collect();
    let head = head.join(" ");
    let Some((_, list)) = head.split_once("Holds `") else { return vec![] };
    let names = list.split(". ").next().unwrap_or_default().split('`');
    names.step_by(2).filter(|name| !name.is_empty()).map(Into::into).collect()
}

fn holds(test: &File, source: &Path) -> bool {
    let named = |path: &Path| path.with_extension("").to_string_lossy().trim_end_matches("/mod").to_owned();
    let (ours, theirs) = (named(&test.path), named(source));
    // The first file of a folder of tests holds no more than the file of the same name.
    let is_first = test.path.ends_with("mod.rs");
    let mirrors = theirs == ours || (!is_first && theirs.starts_with(&format!("{ours}/")));
    mirrors || held(test).iter().any(|held| Path::new(held) == source)
}

/// The tests of a file that name an item, or the file as a whole.
fn tests(test: &File, item: &str) -> BTreeSet<String> {
    let file = test.path.with_extension("").to_string_lossy().into_owned();
    let mut found = BTreeSet::new();
    for part in test.text.split("test]\n").skip(1) {
        let Some(name) = part.split_once("fn ").and_then(|(_, rest)| rest.split('(').next()) else {
            continue;
        };
        let body = part.split("\n}\n").next().unwrap_or_default();
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        if !item.is_empty() && body.split(|c| !is_word(c)).any(|word| word == item) {
            found.insert(format!("{file}::{name}"));
        }
    }
    if found.is_empty() || found.len() > 3 { [file].into() } else { found }
}

/// Sections in the order of their numbers.
fn order(section: &str) -> Vec<(u32, String)> {
    let part = |part: &str| (part.parse().unwrap_or(0), part.to_owned());
    section.split('.').map(part).collect()
}

/// One row of the page, in the order of the rows.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    document: String,
    order: Vec<(u32, String)>,
    section: String,
    /// The rule: its file and item.
    place: String,
}

/// Each row with the tests of its rule.
type Rows = BTreeMap<Row, BTreeSet<String>>;

/// All rules with their tests, and the source files that no test holds.
fn collect(root: &Path) -> (Rows, Vec<String>) {
    let (mut rows, mut loose) = (Rows::new(), vec![]);
    for (sources, tests_of, prefix) in TREES {
        let all_tests = files(&root.join(tests_of));
        for source in files(&root.join(sources)) {
            let rules = rules(&source.text);
            let path = source.path.display().to_string();
            let holding: Vec<&File> = all_tests.iter().filter(|test| holds(test, &source.path)).collect();
            if !rules.is_empty() && holding.is_empty() {
                loose.push(format!("{prefix}{path}"));
            }
            for rule in rules {
                let tests: BTreeSet<String> =
                    holding.iter().flat_map(|test| tests(test, &rule.item)).collect();
                // Where one file names the item, the others need not be named as a whole.
                let exact: BTreeSet<String> =
                    tests.iter().filter(|test| test.contains("::")).cloned().collect();
                let tests = if exact.is_empty() { tests } else { exact };
                let colons = if rule.item.is_empty() { "" } else { "::" };
                let place = format!("{prefix}{path}{colons}{}", rule.item);
                for (document, section) in rule.citations {
                    let row = Row { document, order: order(&section), section, place: place.clone() };
                    rows.entry(row).or_default().extend(tests.iter().map(|test| format!("{prefix}{test}")));
                }
            }
        }
    }
    (rows, loose)
}

fn page(rows: &Rows) -> String {
    let head = format!(
        "# Which rule holds which section, and which test holds the rule\n\nMade from the `Spec:` lines of the source; \
         a test fails when this page is stale.\nAfter a change of them write it anew: `{REMEDY}`.\n\nRules are below \
         `src/`, tests below `tests/it/`; those of the verifier are below `verifier/`. A test\nfile without `::` \
         holds the rule as a whole."
    );
    let mut lines = vec![head];
    let mut last = "";
    for (Row { document, section, place, .. }, tests) in rows {
        if document != last {
            lines.push(format!("\n## {document}\n\n| section | rule | tests |\n|---|---|---|"));
            last = document;
        }
        let section = if section.is_empty() { String::new() } else { format!("§{section}") };
        let tests: Vec<String> = tests.iter().map(|test| format!("`{test}`")).collect();
        lines.push(format!("| {section} | `{place}` | {} |", tests.join(", ")));
    }
    lines.join("\n") + "\n"
}

#[test]
fn the_page_of_the_protocol_is_what_the_source_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = page(&collect(root).0);
    if std::env::var_os("COUNTERSIGN_WRITE_PAGES").is_some() {
        fs::write(root.join(PAGE), &made).unwrap();
    }
    let kept = fs::read_to_string(root.join(PAGE)).unwrap_or_default();
    let differs = made.lines().zip(kept.lines()).find(|(made, kept)| made != kept);
    assert!(made == kept, "{PAGE} is stale: {differs:?}; {REMEDY}");
}

#[test]
fn every_rule_has_a_test() {
    let (rows, loose) = collect(Path::new(env!("CARGO_MANIFEST_DIR")));
    let documents: BTreeSet<&str> = rows.keys().map(|row| row.document.as_str()).collect();
    assert!(documents.len() > 30, "the search has lost its way: {documents:?}");
    assert!(
        loose.is_empty(),
        "no test holds the rules of these files: {loose:#?}; give each a test file of its path below the tests, or name \
         it at the head of the test file that holds it: `//! Holds `PATH`.`"
    );
}

#[test]
fn what_a_test_holds_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (sources, tests_of, _) in TREES {
        for test in files(&root.join(tests_of)) {
            for path in held(&test) {
                let file = root.join(tests_of).join(&test.path);
                assert!(
                    root.join(sources).join(&path).exists(),
                    "{} holds {path}, which has gone: name the file that its rules moved to",
                    file.display()
                );
            }
        }
    }
}

/// The search itself: it must see what it is there to see.
#[test]
fn citations_are_taken_apart() {
    let of = |cited: &str| {
        citations(cited)
            .into_iter()
            .map(|(document, section)| format!("{document}|{section}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("RFC 6749 §4.1.3, §10.5; OAuth 2.1 §7.5.2"),
        ["RFC 6749|4.1.3", "RFC 6749|10.5", "OAuth 2.1|7.5.2"]
    );
    assert_eq!(
        of("OpenID Connect Core §2 (`sub`, always), RFC 8176"),
        ["OpenID Connect Core|2", "RFC 8176|"]
    );
    let found = rules(
        "/// A rule.\n///\n/// Spec: RFC 1 §2,\n/// §3\n#[derive(Debug)]\npub(super) async fn check(a: u8) {",
    );
    assert_eq!(found[0].item, "check");
    assert_eq!(found[0].citations.len(), 2);
}
