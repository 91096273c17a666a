//! How the house is built: which room may use which, and that the rules stay pure.

mod circles; // files that import each other
mod sizes; // lengths of functions and files
mod source; // the source as text
mod voice; // the words of comments

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use source::{expand, imports, sources};

/// Each room, and what it may import. A room may always use its own files, except where [`APART`] says
/// otherwise.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    // leaves: only one another
    ("background", &[]),
    ("clock", &[]),
    ("connection", &[]),
    ("secret", &[]),
    ("published", &["secret"]),
    ("ids", &["secret"]),
    ("files", &[]),
    ("outbound", &[]),
    ("drain", &[]),
    ("db", &["files", "telemetry"]),
    ("password", &["background", "secret", "telemetry"]),
    ("telemetry", &[]),
    ("texts", &[]),
    ("tls", &["clock", "telemetry"]),
    // the rules
    ("protocol", &["ids", "secret"]),
    // what lasts, what passes, what seals
    ("store", &["protocol", "db", "ids", "secret", "clock", "telemetry"]),
    ("state", &["protocol", "db", "ids", "secret", "clock", "telemetry"]),
    (
        "keys",
        &[
            "protocol", "store", "db", "files", "ids", "published", "secret", "clock", "background",
            "telemetry",
        ],
    ),
    // configuration names places and checks them by the rules
    ("config", &["protocol", "keys", "db", "outbound", "telemetry"]),
    // what operators, people and applications change
    ("operations", &["protocol", "store", "state", "keys", "db", "ids", "outbound", "secret"]),
    // what clients registered, fetched and kept
    ("client_keys", &["protocol", "keys", "outbound"]),
    ("logos", &["protocol", "store", "db", "outbound", "secret"]),
    // what a node can do at this moment
    ("health", &["state", "store", "db"]),
    // the bundle of everything, handed on with each request
    (
        "app",
        &[
            "protocol", "store", "state", "keys", "config", "health", "db", "client_keys", "logos",
            "outbound", "drain", "password", "published", "clock", "connection", "telemetry", "texts", "tls",
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
            "web", "operations", "protocol", "store", "state", "keys", "app", "config", "db", "ids",
            "secret", "password", "telemetry",
        ],
    ),
    (
        "pages",
        &[
            "web", "operations", "protocol", "store", "state", "keys", "app", "config", "db", "ids",
            "secret", "password", "telemetry", "texts",
        ],
    ),
    // on top: these put everything together
    ("routes", &["*"]),
    ("server", &["*"]),
    ("jobs", &["app", "operations", "db", "store", "state", "telemetry"]),
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

/// The sites and the API of the demo are like any others: they verify tokens with the verifier crate, never with the
/// provider's own rules and keys. Only the forged tokens are made with its keys.
#[test]
fn the_demo_does_not_check_itself() {
    let is_theirs = |path: &Path| path.starts_with("demo/site") || path == Path::new("demo/api.rs");
    let provider = ["protocol", "keys", "store", "web", "endpoints", "pages"];
    let files: Vec<_> = sources().into_iter().filter(|(path, _)| is_theirs(path)).collect();
    assert!(files.len() > 10, "the search has lost its way: {}", files.len());
    for (path, code) in files.iter().filter(|(path, _)| !path.ends_with("attacks.rs")) {
        let used = imports(code).into_iter().find(|import| provider.contains(&import[0].as_str()));
        assert_eq!(used, None, "{}", path.display());
    }
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

/// What the command line, the demo and the pages change, they change through operations, which carry an actor and what has to
/// follow: there is no other call of a verb of `store` that writes. Reading the store is theirs.
#[test]
fn only_operations_change_what_lasts() {
    let sources = sources();
    let verbs = writing_verbs(&sources);
    for known in [("clients", "add"), ("users", "edit"), ("consents", "allow"), ("signing_keys", "change")] {
        assert!(verbs.contains(&(known.0.into(), known.1.into())), "{known:?} is not among {verbs:?}");
    }
    assert!(!verbs.contains(&("clients".into(), "by_id".into())), "{verbs:?}");
    let rooms = ["cli", "demo", "pages"];
    let files = sources.iter().filter(|(path, _)| rooms.contains(&place(path).0.as_str()));
    let faults: Vec<String> = files.flat_map(|(path, code)| writes(path, code, &verbs)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    for (code, count) in [
        ("use crate::store::clients;\nclients::by_id(db);", 0),
        ("use crate::store::clients;\nclients::remove(db);", 1),
        ("use crate::store::clients::{self, Secret};\nclients::edit(db);", 1),
        ("use crate::store::{users, clients::remove};\nremove(db);", 1),
        ("use crate::store;\nstore::consents::allow(db);", 1),
        ("crate::store::users::change(db);", 1),
        ("use crate::operations::clients;\nclients::remove(op);", 0),
        ("use crate::store::clients;\noperations::clients::remove(op);", 0),
        ("opened.db.write_now(|conn| f(conn));", 1),
        ("OpenOptions::new().write(true);", 0),
    ] {
        assert_eq!(writes(Path::new("cli/x.rs"), code, &verbs).len(), count, "{code}");
    }
}

/// The public functions of `store` that write, each with its module.
fn writing_verbs(sources: &[(PathBuf, String)]) -> BTreeSet<(String, String)> {
    const WRITES: [&str; 5] = [".write(", ".write_one(", "insert_into(", "::update(", "::delete("];
    let mut verbs = BTreeSet::new();
    for (path, code) in sources.iter().filter(|(path, _)| path.starts_with("store")) {
        let Some(module) = place(path).1 else { continue };
        for function in code.split("\npub ").skip(1) {
            let body = function.split("\n}").next().unwrap_or_default();
            let signature = function.strip_prefix("async ").unwrap_or(function);
            let Some(name) = signature.strip_prefix("fn ").and_then(|rest| rest.split(['(', '<']).next())
            else {
                continue;
            };
            // Takes back what it wrote.
            let is_trial = name == "try_writing";
            if !is_trial && WRITES.iter().any(|writes| body.contains(writes)) {
                verbs.insert((module.clone(), name.to_owned()));
            }
        }
    }
    verbs
}

/// Where a file changes what lasts by itself.
fn writes(path: &Path, code: &str, verbs: &BTreeSet<(String, String)>) -> Vec<String> {
    let imports = imports(code);
    let has = |path: &[&str]| imports.iter().any(|import| *import == path);
    let is_called = |called: &str| {
        let calls = code.match_indices(called).map(|(at, _)| &code[..at]);
        calls.into_iter().any(|before| !before.ends_with("::") && !before.ends_with(char::is_alphanumeric))
    };
    let verb = verbs.iter().filter(|(module, verb)| {
        let in_module = format!("{module}::{verb}(");
        has(&["store", module, verb])
            || (has(&["store", module]) || has(&["store", module, "self"])) && is_called(&in_module)
            || has(&["store"]) && is_called(&format!("store::{in_module}"))
    });
    let verb = verb.map(|(module, verb)| format!("{}: store::{module}::{verb} writes", path.display()));
    let by_hand = [".write(", ".write_now(", ".write_one("]
        .into_iter()
        .filter(|call| code.match_indices(call).any(|(at, _)| !code[at + call.len()..].starts_with("true")));
    verb.chain(by_hand.map(|call| format!("{}: {call}", path.display()))).collect()
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
    let seen = |path: &str, code: &str| faults(Path::new(path), &source::code(code)).len();
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
            faults(Path::new(path), &source::code(code))
        );
    }
}

/// Text from a request gets into a failure as `Shown` alone, which is cut: so no log line grows with a request.
#[test]
fn failures_hold_no_text_of_any_length() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let failures = fs::read_dir(src.join("web/failure")).unwrap().map(|file| file.unwrap().path());
    // How a page shows one is no failure.
    let failures = failures.filter(|path| !path.ends_with("render.rs"));
    let rules = ["protocol/cause.rs", "protocol/refusal.rs", "protocol/request/unanswerable.rs"];
    let files: Vec<_> = failures.chain(rules.map(|file| src.join(file))).collect();
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
