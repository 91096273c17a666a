//! The real program at stores that are wrong, away, new, or left half-made.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use countersign::db::Url;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};

use super::serving::{self, Server};
use super::{Done, Shell, nothing_in};
use crate::store::{lines, open};
use crate::support::installation::assert_whole;
use crate::support::{postgres, redis};

const KEY: (&str, &str) = ("COUNTERSIGN_INSTANCE_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");

fn serve(shell: &Shell, settings: &[(&str, &str)]) -> Done {
    let mut command = shell.command(&["serve"]);
    Done::of(command.envs(settings.iter().copied()).env("COUNTERSIGN_LISTEN", "127.0.0.1:0").spawn().unwrap())
}

/// It ends at once with a sentence that names the place, not the password, and makes no file of that name.
#[test]
fn a_wrong_or_unreachable_database_is_named_at_start() {
    let shell = Shell::new();
    shell.file(
        "notes.txt",
        "These are no tables, but the shopping list of somebody who typed a wrong path. ".repeat(20),
    );
    std::fs::create_dir(shell.path("folder")).unwrap();
    let before = std::fs::read_dir(shell.path(".")).unwrap().count();
    for (url, place, why) in [
        ("postgres://ada:hunter2@127.0.0.1:1/id", "postgres://127.0.0.1:1/id", "onnection refused"),
        ("postgres://ada:hunter2@nowhere.invalid/id", "postgres://nowhere.invalid/id", "could not translate"),
        (
            "postgres://ada:hunter2@127.0.0.1:1,127.0.0.1:2/id",
            "postgres://127.0.0.1:1,127.0.0.1:2/id",
            "port 2",
        ),
        ("postgres:///id?host=/nowhere&password=hunter2", "postgres:///id?host=/nowhere", "No such file"),
        ("postgres://ada:hunter2@127.0.0.1:x/id", "postgres://127.0.0.1:x/id", "port"),
        ("sqlite:notes.txt", "sqlite:notes.txt", "file is not a database (is this the right path?)"),
        ("sqlite:folder", "sqlite:folder", "Is a directory"),
        ("sqlite:notes.txt/id.db", "sqlite:notes.txt/id.db", ""),
        ("sqlite:/proc/nowhere/id.db", "sqlite:/proc/nowhere/id.db", ""),
    ] {
        let done = serve(&shell, &[("COUNTERSIGN_DATABASE_URL", url), KEY]);
        assert!(!done.err.contains("hunter2"), "{}", done.err);
        assert!(done.err.contains(place), "{place}: {}", done.err);
        done.bad(why);
    }
    assert_eq!(std::fs::read_dir(shell.path(".")).unwrap().count(), before, "a stray file");
}

#[test]
fn a_wrong_or_unreachable_redis_is_named_at_start() {
    let shell = Shell::new();
    let server = redis::Server::start();
    let mut direct = ::redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    let _: () = ::redis::cmd("CONFIG").arg(&["SET", "requirepass", "another"]).query(&mut direct).unwrap();
    let wrong = server.url().replace("redis://", "redis://:hunter2@");
    let gone = format!("redis://:hunter2@127.0.0.1:{}/3", redis::free_port());
    for (url, why) in [
        (&*gone, "onnection refused"),
        ("redis://:hunter2@nowhere.invalid", ""),
        (&wrong, "WRONGPASS"),
        ("redis://:hunter2@127.0.0.1:1/nonsense", ""),
    ] {
        let done = serve(&shell, &[("COUNTERSIGN_STATE_URL", url)]);
        let place = url.replace(":hunter2@", "");
        assert!(done.err.contains(&place) && !done.err.contains("hunter2"), "{place}: {}", done.err);
        done.bad(why);
    }
    let roots =
        [("COUNTERSIGN_OUTBOUND_CA_FILE", "none.pem"), ("COUNTERSIGN_STATE_URL", "rediss://127.0.0.1")];
    serve(&shell, &roots).bad("outbound_ca_file none.pem: No such file");
}

/// An address that cannot be used is told before anything is made.
#[test]
fn a_state_url_that_cannot_be_used_leaves_nothing_behind() {
    let shell = Shell::new();
    for (url, why) in [
        ("redis://:hunter2@127.0.0.1:x", "state_url cannot be read: invalid port number"),
        ("redis://:hunter2/3@127.0.0.1", "state_url cannot be read: empty host"),
        ("redis://:hunter2@127.0.0.1/nonsense", "redis://127.0.0.1/nonsense: "),
    ] {
        let done = serve(&shell, &[("COUNTERSIGN_STATE_URL", url)]);
        assert!(!done.err.contains("hunter2"), "{}", done.err);
        done.bad(why);
        assert!(nothing_in(&shell.path("")), "{url}");
    }
}

fn keys_of(server: &Server) -> String {
    let address = server.line["listen"][0].as_str().unwrap();
    let answer = serving::get(address, "/.well-known/jwks.json");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// Four real processes at one empty database: it is made once, and all sign with the same keys.
#[test]
fn four_processes_at_a_new_postgres_make_it_once() {
    let url = postgres::database();
    let shells: Vec<Shell> = (0..4).map(|_| Shell::new()).collect();
    let settings = [("COUNTERSIGN_DATABASE_URL", &*url), ("COUNTERSIGN_LISTEN", "127.0.0.1:0"), KEY];
    let servers: Vec<Server> = thread::scope(|scope| {
        let started: Vec<_> =
            shells.iter().map(|shell| scope.spawn(|| serving::start(shell, &settings))).collect();
        started.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let keys: Vec<String> = servers.iter().map(keys_of).collect();
    assert!(keys[0].contains("\"kid\"") && keys.iter().all(|set| *set == keys[0]), "{keys:#?}");
    let db = open(&Url::parse(&url).unwrap()).unwrap();
    assert_eq!(lines(&db, "SELECT value AS line FROM facts WHERE name = 'version'"), ["1"]);
    for server in servers {
        assert_eq!(server.end("-TERM").code, 0);
    }
}

/// Killed with all tables made and none of it recorded or committed: the next start makes them.
#[test]
fn killed_in_a_migration_of_postgres_the_next_start_completes_it() {
    let (shell, url) = (Shell::new(), postgres::database());
    let mut other = PgConnection::establish(&url).unwrap();
    // Made beforehand and locked, the table of migrations stops the program where it is about to record one.
    other.batch_execute(RECORD).unwrap();
    other.batch_execute("BEGIN; LOCK TABLE __diesel_schema_migrations IN SHARE MODE").unwrap();
    let listed = || {
        let mut command = shell.command(&["user", "list", "--json"]);
        command.env("COUNTERSIGN_DATABASE_URL", &url).spawn().unwrap()
    };
    let mut child = listed();
    let waiting = "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND \
        relation = '__diesel_schema_migrations'::regclass) THEN RAISE EXCEPTION 'nobody'; END IF; END $$";
    let mut watcher = PgConnection::establish(&url).unwrap();
    until("the program waits", || watcher.batch_execute(waiting).is_ok());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(watcher.batch_execute("SELECT 1 FROM facts").is_err(), "a table was left by half a migration");
    other.batch_execute("ROLLBACK").unwrap();
    assert_eq!(Done::of(listed()).good().json(), serde_json::json!([]));
    let db = open(&Url::parse(&url).unwrap()).unwrap();
    assert_eq!(lines(&db, "SELECT value AS line FROM facts WHERE name = 'version'"), ["1"]);
}

/// The same in a file: there a trigger that takes for ever stops the program at that place.
#[test]
fn killed_in_a_migration_of_sqlite_the_next_start_completes_it() {
    let shell = Shell::new();
    std::fs::create_dir(shell.path("data")).unwrap();
    let file = shell.path("data/countersign.db");
    let mut other = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    other.batch_execute("PRAGMA journal_mode = WAL").unwrap();
    other.batch_execute(RECORD).unwrap();
    let all = "sqlite_schema";
    other
        .batch_execute(&format!(
            "CREATE TRIGGER for_ever BEFORE INSERT ON __diesel_schema_migrations BEGIN SELECT count(*) FROM \
             {all} a, {all} b, {all} c, {all} d, {all} e, {all} f, {all} g, {all} h, {all} i, {all} j; END"
        ))
        .unwrap();
    let mut child = shell.command(&["user", "list", "--json"]).spawn().unwrap();
    until("the program holds the file", || other.batch_execute("BEGIN IMMEDIATE; ROLLBACK").is_err());
    until("it has made its tables and counts", || has_computed(child.id()));
    child.kill().unwrap();
    child.wait().unwrap();
    other.batch_execute("DROP TRIGGER for_ever").unwrap();
    assert!(other.batch_execute("SELECT 1 FROM facts").is_err(), "a table was left by half a migration");
    assert_eq!(shell.run(&["user", "list", "--json"]).good().json(), serde_json::json!([]));
    assert_eq!(lines(&shell.db(), "SELECT value AS line FROM facts WHERE name = 'version'"), ["1"]);
    assert_whole(&file);
}

const RECORD: &str = "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
    run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)";

/// Tells whether a process has computed for a whole second.
fn has_computed(process: u32) -> bool {
    let said = Command::new("ps").args(["-o", "cputimes=", "-p", &process.to_string()]).output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().parse::<u32>().unwrap() > 0
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A release that is to come has added a table, columns and a migration: this one goes on, and starts
/// again. Only when it is told that it is too old does it refuse.
fn an_upgrade_is_under_way(shell: &Shell, settings: &[(&str, &str)], execute: &mut dyn FnMut(&str)) {
    let listen = ("COUNTERSIGN_LISTEN", "127.0.0.1:0");
    let settings = [settings, &[listen, KEY]].concat();
    assert_eq!(serving::start(shell, &settings).end("-TERM").code, 0);
    for statement in [
        "CREATE TABLE passkeys (id TEXT PRIMARY KEY NOT NULL)",
        "ALTER TABLE users ADD COLUMN locale TEXT",
        "ALTER TABLE clients ADD COLUMN rank BIGINT NOT NULL DEFAULT 1",
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')",
        "UPDATE facts SET value = '2' WHERE name = 'version'",
    ] {
        execute(statement);
    }
    let server = serving::start(shell, &settings);
    let run = |words: &[&str]| {
        let child = shell.command(words).envs(settings.iter().copied()).spawn().unwrap();
        Done::of(child)
    };
    run(&["client", "add", "--json", "--name", "Album", "--redirect-uri", "https://album.example/callback"])
        .good();
    assert_eq!(run(&["client", "list", "--json"]).good().json().as_array().unwrap().len(), 1);
    assert_eq!(run(&["user", "list", "--json"]).good().json(), serde_json::json!([]));
    execute("UPDATE facts SET value = '2' WHERE name = 'min_code_version'");
    assert!(keys_of(&server).contains("\"kid\""), "one that runs goes on");
    assert_eq!(server.end("-TERM").code, 0);
    run(&["serve"]).bad("it needs a newer program: this one knows schema version 1, the database asks for 2");
    run(&["user", "list"]).bad("it needs a newer program");
}

#[test]
fn the_release_before_goes_on_during_an_upgrade() {
    let shell = Shell::new();
    let file = shell.path("data/countersign.db");
    an_upgrade_is_under_way(&shell, &[], &mut |statement| {
        let mut other = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        other.batch_execute(statement).unwrap();
    });
}

#[test]
fn the_release_before_goes_on_during_an_upgrade_of_postgres() {
    let (shell, url) = (Shell::new(), postgres::database());
    let mut other = PgConnection::establish(&url).unwrap();
    let execute = &mut |statement: &str| other.batch_execute(statement).unwrap();
    an_upgrade_is_under_way(&shell, &[("COUNTERSIGN_DATABASE_URL", &url)], execute);
}
