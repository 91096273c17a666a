//! `countersign doctor`: what it calls well it has tried, with the rights that the server's own account has.

use std::fs;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

use super::doctor::{assert_found, examine};
use super::{Done, Shell, serving};
use crate::store::execute;
use crate::support::{nginx, pgbouncer, postgres, redis};

/// A server in memory only, which the tests' own always are.
const FORGETS: &str = "warning state store: it keeps nothing on disk";
const UNTOLD: &str = "warning state store: it does not tell whether it keeps anything on disk";
/// The tests' PostgreSQL does not wait for its disk, and what passes rests there too.
const LOSES: &str = "warning database: what it confirms may be lost";
const SHARED: &str = "warning state store: a table in PostgreSQL";

#[test]
fn a_redis_is_tried_with_the_rights_of_the_account() {
    let shell = Shell::new();
    let server = redis::Server::start();
    let url = server.url().replace("redis://", "redis://countersign:hunter2@");
    let settings = [("COUNTERSIGN_STATE_URL", url.as_str())];
    let mut direct = server.link();
    let mut may = |rights: &[&str]| {
        let mut user = ::redis::cmd("ACL");
        user.arg("SETUSER").arg("countersign").arg("reset").arg("on").arg(">hunter2").arg("~*").arg(rights);
        let _: ::redis::Value = user.query(&mut direct).unwrap();
    };
    may(&["+@all"]);
    assert_found(&shell, &settings, &[FORGETS]);
    // As managed servers have it: nothing is told, and all is well.
    may(&["+@all", "-info", "-config", "-time"]);
    assert_found(&shell, &settings, &[UNTOLD]);
    let refused = |what: &str| {
        format!("problem state store: the state store cannot be used: it does not let this account {what}")
    };
    for (right, what) in [("-set", "write"), ("-evalsha", "run a script"), ("-del", "run a script")] {
        may(&["+@all", right]);
        assert_found(&shell, &settings, &[FORGETS, &refused(what)]);
    }
    let node =
        shell.command(&["serve"]).envs(settings).env("COUNTERSIGN_LISTEN", "127.0.0.1:0").spawn().unwrap();
    Done::of(node).bad("it does not let this account run a script");
    let keys: Vec<String> = ::redis::cmd("KEYS").arg("*").query(&mut direct).unwrap();
    for key in keys.iter().filter(|key| key.starts_with("h:")) {
        let left: i64 = ::redis::cmd("TTL").arg(key).query(&mut direct).unwrap();
        assert!((1..=3660).contains(&left), "what could not be deleted again goes by itself: {left}");
    }
}

#[test]
fn rights_and_encoding_of_a_postgres_are_looked_at() {
    let (shell, server, key) = (Shell::new(), postgres::Server::start(), "A".repeat(43));
    let owner = |database: &str| PgConnection::establish(&server.url(database)).unwrap();
    server.database_named("place");
    owner("place").batch_execute("CREATE ROLE \"plain one\" LOGIN").unwrap();
    let url = server.url("place").replace("user=postgres", "user=plain%20one");
    let settings = [("COUNTERSIGN_DATABASE_URL", url.as_str()), ("COUNTERSIGN_INSTANCE_KEY", key.as_str())];
    let grant = "GRANT USAGE, CREATE ON SCHEMA public TO \"plain one\"";
    let lacking =
        |needs: &str| format!("problem database: this account may not make the tables that {needs} brings");
    let serve = || {
        let mut node = shell.command(&["serve", "--json"]);
        node.envs(settings).env("COUNTERSIGN_LISTEN", "127.0.0.1:0").spawn().unwrap()
    };

    // Neither to make tables there, nor to use it at all.
    for revoked in ["REVOKE CREATE ON SCHEMA public FROM PUBLIC", "REVOKE ALL ON SCHEMA public FROM PUBLIC"] {
        owner("place").batch_execute(revoked).unwrap();
        assert_found(&shell, &settings, &[&lacking("the first `serve`"), LOSES, SHARED]);
        let said = shell.command(&["doctor", "--offline"]).envs(settings).spawn().unwrap();
        assert!(Done::of(said).out.contains(&format!("as the database's owner run: {grant}")));
        Done::of(serve()).bad(&format!("as the database's owner run: {grant}"));
    }
    // What is advised is enough.
    owner("place").batch_execute(grant).unwrap();
    assert_found(&shell, &settings, &[LOSES, SHARED]);
    assert_eq!(
        serving::start(&shell, &[&settings[..], &[("COUNTERSIGN_LISTEN", "127.0.0.1:0")]].concat())
            .end("-TERM")
            .code,
        0
    );
    assert_found(&shell, &settings, &[LOSES, SHARED]);

    // Tables that the account can read and not write.
    let take = "REVOKE INSERT ON facts FROM \"plain one\"; REVOKE DELETE ON kv FROM \"plain one\"";
    owner("place").batch_execute(take).unwrap();
    let (written, deleted) = (
        "problem database: a write that was tried failed: database: permission denied for table facts",
        "problem state store: the state store cannot be used: it does not let this account run a script",
    );
    assert_found(&shell, &settings, &[written, LOSES, SHARED, deleted]);
    owner("place").batch_execute("REVOKE CREATE ON SCHEMA public FROM \"plain one\"").unwrap();
    assert_found(&shell, &settings, &[&lacking("the next upgrade"), LOSES, SHARED, deleted]);

    owner("postgres")
        .batch_execute(
            "CREATE DATABASE latin ENCODING LATIN1 LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0",
        )
        .unwrap();
    let url = server.url("latin");
    let settings = [("COUNTERSIGN_DATABASE_URL", url.as_str()), ("COUNTERSIGN_INSTANCE_KEY", key.as_str())];
    assert_found(&shell, &settings, &["problem database: its encoding is not UTF8", LOSES, SHARED]);
}

/// A session for each client is as good as no pooler. One for each transaction loses what was prepared in it.
#[test]
fn a_pooler_in_transaction_mode_is_refused_in_one_sentence() {
    let (shell, server, key) = (Shell::new(), postgres::Server::start(), "A".repeat(43));
    server.database_named("pooled");
    for (mode, is_good) in [("transaction", false), ("statement", false), ("session", true)] {
        let pooler = pgbouncer::Server::start(&server, mode);
        let url = pooler.url("pooled");
        let settings = [
            ("COUNTERSIGN_DATABASE_URL", url.as_str()),
            ("COUNTERSIGN_INSTANCE_KEY", key.as_str()),
            ("COUNTERSIGN_LISTEN", "127.0.0.1:0"),
        ];
        if is_good {
            assert_found(&shell, &settings, &[LOSES, SHARED]);
            assert_eq!(serving::start(&shell, &settings).end("-TERM").code, 0);
            continue;
        }
        let sentence = "set pool_mode = session for this database";
        let (code, lines) = examine(&shell, &settings, &["--offline"]);
        let told = lines.iter().any(|line| line.starts_with("problem database: ") && line.contains(sentence));
        assert!(code == 1 && told, "{mode}: {lines:#?}");
        let node = shell.command(&["serve"]).envs(settings).spawn().unwrap();
        Done::of(node).bad(sentence);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_found() {
    let shell = Shell::new();
    shell.file("taken", "a file where a folder should be");
    let settings = [("COUNTERSIGN_DATA_DIR", "taken")];
    assert_found(
        &shell,
        &settings,
        &["problem files: nothing can be written in taken, where the database is"],
    );
    // Not even root writes here.
    let settings = [("COUNTERSIGN_DATA_DIR", "/proc/countersign")];
    assert_found(
        &shell,
        &settings,
        &["problem files: nothing can be written in /proc, where the database is"],
    );
    assert_found(&shell, &[("COUNTERSIGN_DATA_DIR", "not/there/yet")], &[]);
    assert_eq!(fs::read_dir(shell.path("")).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn a_listener_that_the_issuer_does_not_lead_to_is_found() {
    let shell = Shell::new();
    let listen = [("COUNTERSIGN_LISTEN", "localhost:9090")];
    let found = "warning configuration: listen = localhost:9090, but browsers and applications are sent to the issuer, http://localhost:8080";
    assert_found(&shell, &listen, &[found]);
    assert_found(&shell, &[("COUNTERSIGN_ISSUER", "http://localhost:9090")], &[]);
}

/// A clock ran ahead while keys were made: they are named, and dated anew by a server that runs.
#[test]
fn facts_of_the_future_are_named_and_keys_among_them_mended() {
    let shell = Shell::new();
    shell.file("countersign.toml", "[keys]\njwks_max_age = 1");
    assert_eq!(serving::start(&shell, &[]).end("-TERM").code, 0);
    shell.user("ada");
    assert_found(&shell, &[], &[]);
    execute(&shell.db(), "UPDATE signing_keys SET since = since + 31536000").unwrap();
    execute(&shell.db(), "UPDATE users SET updated_at = updated_at + 31536000").unwrap();
    shell.client(&[]);
    execute(&shell.db(), "UPDATE clients SET created_at = created_at + 31536000").unwrap();
    let named = |what: &str| {
        let start = format!("warning dates: dated in the future, and not believed until then: {what}");
        lines_of(&shell).iter().any(|line| line.starts_with(&start))
    };
    assert!(named("1 people, 1 applications, "), "{:#?}", lines_of(&shell));
    assert!(lines_of(&shell).iter().any(|line| line.contains(" signing keys; a clock ran ahead")));
    let server = serving::start(&shell, &[]);
    let begun = Instant::now();
    while !named("1 people, 1 applications; ") {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:#?}", lines_of(&shell));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(server.log().contains("was dated in the future by a clock that ran ahead, and is dated anew"));
    assert_eq!(server.end("-TERM").code, 0);
}

fn lines_of(shell: &Shell) -> Vec<String> {
    examine(shell, &[], &["--offline"]).1
}

/// A path of the issuer that a proxy in front cuts off, or adds once more.
#[test]
fn a_path_that_a_proxy_changes_is_recognised() {
    let (shell, folder) = (Shell::new(), tempfile::tempdir().unwrap());
    let (front, node) = (redis::free_port(), redis::free_port());
    let (issuer, listen) = (format!("http://localhost:{front}/tenant"), format!("localhost:{node}"));
    let settings = [("COUNTERSIGN_ISSUER", issuer.as_str()), ("COUNTERSIGN_LISTEN", listen.as_str())];
    let server = serving::start(&shell, &settings);
    for (location, to, expected) in [
        ("/tenant/", "/", Some("cuts off /tenant")),
        ("/", "/tenant/", Some("adds /tenant")),
        ("/", "", None),
    ] {
        let _proxy = nginx::Server::plain(
            folder.path(),
            front,
            &format!("location {location} {{ proxy_pass http://localhost:{node}{to}; }}"),
        );
        let (code, lines) = examine(&shell, &settings, &[]);
        let said = lines.iter().find(|line| line.contains(" issuer: ")).unwrap();
        match expected {
            Some(expected) => {
                assert!(code == 1 && said.starts_with("problem") && said.contains(expected), "{said}");
            }
            None => assert!(
                said.starts_with("ok") && said.contains("answers what this configuration says"),
                "{said}"
            ),
        }
    }
    assert_eq!(server.end("-TERM").code, 0);
}

#[test]
fn a_proxy_that_hides_its_visitors_is_found() {
    let shell = Shell::new();
    let port = redis::free_port().to_string();
    let (issuer, listen) = (format!("http://localhost:{port}"), format!("localhost:{port}"));
    let settings = [
        ("COUNTERSIGN_ISSUER", issuer.as_str()),
        ("COUNTERSIGN_LISTEN", listen.as_str()),
        ("COUNTERSIGN_TRUSTED_PROXIES", "127.0.0.1, ::1"),
    ];
    let server = serving::start(&shell, &settings);
    assert_found(&shell, &settings, &[]);
    serving::get(&listen, "/login");
    let begun = Instant::now();
    let found = "warning proxies: ";
    while !examine(&shell, &settings, &["--offline"]).1.iter().any(|line| line.starts_with(found)) {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is never found");
    }
    assert!(server.log().contains("a trusted proxy does not tell where its visitors come from"));
    assert_eq!(server.end("-TERM").code, 0);
}
