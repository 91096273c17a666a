//! How the house is built: which room may use which, and that the rules stay pure.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and what it may import. A room may always use its own files, except where [`APART`] says
/// otherwise.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    // leaves: only one another
    ("aside", &[]),
    ("clock", &[]),
    ("connection", &[]),
    ("secret", &[]),
    ("published", &["secret"]),
    ("ids", &["secret"]),
    ("files", &[]),
    ("outbound", &[]),
    ("drain", &[]),
    ("db", &["files", "telemetry"]),
    ("password", &["aside", "secret", "telemetry"]),
    ("telemetry", &[]),
    ("texts", &[]),
    ("tls", &["clock", "telemetry"]),
    // the rules
    ("protocol", &["ids", "secret"]),
    // what lasts, what passes, what seals
    ("store", &["protocol", "db", "ids", "secret", "clock"]),
    ("state", &["protocol", "db", "ids", "secret", "clock", "telemetry"]),
    ("keys", &["protocol", "store", "db", "files", "ids", "published", "secret", "clock", "aside"]),
    // configuration names places and checks them by the rules
    ("config", &["protocol", "keys", "db", "outbound", "telemetry"]),
    // what clients registered, fetched and kept
    ("logos", &["protocol", "store", "db", "outbound", "secret"]),
    // what a node can do at this moment
    ("health", &["state", "store", "db"]),
    // the bundle of everything, handed on with each request
    (
        "app",
        &[
            "protocol", "store", "state", "keys", "config", "health", "db", "logos", "outbound", "drain",
            "password", "published", "clock", "connection", "telemetry", "texts", "tls",
        ],
    ),
    // the vocabulary of HTTP
    (
        "web",
        &[
            "protocol", "state", "keys", "app", "config", "db", "ids", "published", "secret", "clock",
            "connection", "password", "telemetry", "texts",
        ],
    ),
    // what programs call, what people see
    (
        "endpoints",
        &[
            "web", "protocol", "store", "state", "keys", "app", "config", "db", "ids", "secret", "password",
            "telemetry",
        ],
    ),
    (
        "pages",
        &[
            "web", "protocol", "store", "state", "keys", "app", "config", "db", "ids", "secret", "password",
            "telemetry", "texts",
        ],
    ),
    // on top: these put everything together
    ("routes", &["*"]),
    ("server", &["*"]),
    ("ticks", &["app", "db", "store", "state"]),
    ("cli", &["*"]),
    ("demo", &["*"]),
    ("main", &["*"]),
    ("lib", &[]),
];

/// Rooms whose files do not know their neighbours: each endpoint, each page stands alone. A file may use
/// what is in the folder of its own name.
const APART: &[&str] = &["endpoints", "pages"];

/// What no rule may touch: it would then depend on more than its arguments.
const IMPURE: &[&str] = &[
    "async ", "await", "actix", "diesel", "tokio", "reqwest", "redis::", "now_utc", "now_local",
    "Instant::now", "SystemTime", "clock", "random", "rand", "generate()", "std::fs", "std::env", "std::net",
    "static mut", "Mutex", "thread_local", "println!", "tracing::",
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let hidden = path.file_name().unwrap().to_string_lossy().starts_with('.');
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !hidden {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let (root, mut found) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), vec![]);
    walk(&root, &mut found);
    found
        .into_iter()
        .map(|(path, text)| (path.strip_prefix(&root).unwrap().to_owned(), code(&text)))
        .collect()
}

/// The text without comments and without what is quoted.
fn code(text: &str) -> String {
    let line = |line: &str| {
        let line = line.split("//").next().unwrap_or_default();
        let unquoted: Vec<&str> = line.split('"').step_by(2).collect();
        unquoted.join("\"\"")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The path of every `crate::…` in a text, be it in a `use` (whose braces are taken apart) or in place.
fn imports(code: &str) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let is_ours = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        if is_ours {
            expand(&code[at + "crate::".len()..], &[], &mut found);
        }
    }
    found
}

/// Takes `a::{b, c::d}` apart; answers what follows it.
fn expand<'a>(text: &'a str, before: &[String], found: &mut BTreeSet<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = expand(rest, before, found).trim_start();
            rest = match rest.strip_prefix(',') {
                Some(more) if !more.trim_start().starts_with('}') => more,
                Some(end) => end.trim_start(),
                None => rest,
            };
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            if rest.is_empty() {
                return rest;
            }
        }
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let path = [before, &[text[..end].to_owned()]].concat();
    match text[end..].strip_prefix("::") {
        Some(more) if more.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '{') => {
            expand(more, &path, found)
        }
        _ => {
            found.insert(path);
            let alias = text[end..].strip_prefix(" as ").unwrap_or(&text[end..]);
            alias.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
        }
    }
}

/// `endpoints/token/code.rs` is in the room `endpoints`, as its part `token`.
fn place(path: &Path) -> (String, Option<String>) {
    let names: Vec<String> =
        path.iter().map(|name| name.to_string_lossy().trim_end_matches(".rs").to_owned()).collect();
    (names[0].clone(), names.get(1).filter(|name| *name != "mod").cloned())
}

/// What is wrong with one file's imports.
fn faults(path: &Path, code: &str) -> Vec<String> {
    let (room, part) = place(path);
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(known, _)| *known == room) else {
        return vec![format!("{}: the room {room} has no rule; give it one", path.display())];
    };
    let mut faults = vec![];
    let mut used: BTreeSet<Vec<String>> = imports(code);
    // `super::` at the top of a part is another part of the same room.
    if part.is_some() && path.components().count() == 2 {
        let outside = code.replace("pub(super)", "").replace("pub(in super", "");
        for (at, _) in outside.match_indices("super::") {
            expand(&outside[at + "super::".len()..], std::slice::from_ref(&room), &mut used);
        }
    }
    for import in used {
        let there = &import[0];
        let allowed = *there == room || allowed.contains(&"*") || allowed.contains(&there.as_str());
        if !allowed {
            faults.push(format!("{}: {room} may not import {}", path.display(), import.join("::")));
        }
        let sideways = *there == room
            && part.as_ref().is_some_and(|part| import.get(1).is_some_and(|other| other != part));
        if sideways && APART.contains(&room.as_str()) {
            faults.push(format!("{}: sideways to {}", path.display(), import.join("::")));
        }
    }
    faults
}

#[test]
fn imports_point_one_way() {
    let faults: Vec<String> = sources().iter().flat_map(|(path, code)| faults(path, code)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_rules_are_pure() {
    let mut faults = vec![];
    for (path, code) in sources().iter().filter(|(path, _)| path.starts_with("protocol")) {
        for (number, line) in code.lines().enumerate() {
            if let Some(word) = IMPURE.iter().find(|word| line.contains(*word)) {
                faults.push(format!("{}:{}: {word}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The program never ends but in `main`, and the lints that keep secrets, time and threads in their rooms
/// are excused where they live and nowhere else.
#[test]
fn what_belongs_in_one_place_is_only_there() {
    for (what, rooms) in [
        ("process::exit", &["main"][..]),
        ("now_utc", &["clock"]),
        ("rand_bytes", &["secret"]),
        ("josekit", &["keys"]),
        ("web::block", &["db"]),
        ("env::var", &["config", "cli", "demo"]),
        ("redis::", &["state"]),
        // What others registered is fetched under the guard, or not at all.
        ("reqwest", &["outbound", "cli", "demo"]),
    ] {
        for (path, code) in sources() {
            let (room, _) = place(&path);
            let inside = rooms.contains(&room.as_str());
            assert!(inside || !code.contains(what), "{} has {what}", path.display());
        }
    }
}

/// The test itself: it must see what it is there to see.
#[test]
fn a_forbidden_import_is_seen_however_it_is_written() {
    let seen = |path: &str, code: &str| faults(Path::new(path), &self::code(code)).len();
    for (path, code, count) in [
        ("protocol/x.rs", "use crate::ids::GrantId;", 0),
        ("protocol/x.rs", "use crate::db::Db;", 1),
        ("protocol/x.rs", "use crate::{ids::GrantId, db::{Db, Conn}, secret};", 2),
        ("protocol/x.rs", "use crate::{\n    store::users,\n    web::{answer::page, extract},\n};", 3),
        ("protocol/x.rs", "fn f(db: &crate::db::Db) {}", 1),
        ("protocol/x.rs", "// use crate::db::Db;\nlet x = \"crate::db\";", 0),
        ("protocol/x.rs", "pub(crate) fn f() {} other_crate::db::f()", 0),
        ("store/x.rs", "use crate::state::Kv;", 1),
        ("store/x.rs", "use super::schema::users;", 0),
        ("secret.rs", "use crate::ids::GrantId;", 1),
        ("web/x.rs", "use crate::pages::login;", 1),
        ("web/x.rs", "use crate::store;", 1),
        ("endpoints/x.rs", "use crate::web::answer::page as shown;\nuse crate::app::App;", 0),
        ("endpoints/x.rs", "use crate::endpoints::token;", 1),
        ("endpoints/x.rs", "use super::token::code;", 1),
        ("endpoints/token.rs", "use crate::endpoints::token::code;", 0),
        ("endpoints/token/code.rs", "use super::shared;", 0),
        ("endpoints/token/code.rs", "use crate::endpoints::authorize;", 1),
        ("pages/x.rs", "use crate::endpoints::authorize;", 1),
        ("cli/x.rs", "use crate::endpoints::authorize;", 0),
        ("attic.rs", "", 1),
    ] {
        assert_eq!(
            seen(path, code),
            count,
            "{path}: {code} {:?}",
            faults(Path::new(path), &self::code(code))
        );
    }
}

/// Text from a request gets into a failure as `Shown` alone, which is cut: so no log line grows with a request.
#[test]
fn failures_hold_no_text_of_any_length() {
    let protocol = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/protocol");
    let failures = fs::read_dir(protocol.join("failure")).unwrap().map(|file| file.unwrap().path());
    let files: Vec<_> = failures.chain([protocol.join("cause.rs")]).collect();
    assert!(files.len() > 4, "the search has lost its way: {files:?}");
    for path in files {
        let file = path.display();
        for line in fs::read_to_string(&path).unwrap().lines().map(str::trim) {
            // An application's name and address, for a link on the page; never logged.
            let is_exempt = line.starts_with("back: Option<(String, String)>");
            let is_variant = line.contains("(String)") && line.ends_with(',');
            let is_member =
                line.contains(": String") || line.contains("<String") || line.contains("(String,");
            let is_signature = line.starts_with("impl ") || line.starts_with("fn ");
            assert!(is_exempt || is_signature || !(is_variant || is_member), "{file}: {line}");
        }
    }
}
