//! `countersign doctor`: it sees what is wrong, says what to do, and changes nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use serde_json::Value;

use super::{Done, Shell, nothing_in, serving};
use crate::store::execute;
use crate::support::certificates::{Authority, self_signed};
use crate::support::{postgres, redis};

/// What it says under these settings, as lines of `result check: what`; and its exit code.
pub fn examine(shell: &Shell, settings: &[(&str, &str)], words: &[&str]) -> (i32, Vec<String>) {
    let mut command = shell.command(&[&["doctor", "--json"], words].concat());
    let done = Done::of(command.envs(settings.iter().copied()).spawn().unwrap());
    assert_eq!(done.err, "", "{}", done.out);
    let report = done.json();
    assert_eq!(report["healthy"].as_bool().unwrap(), done.code == 0, "{report}");
    let line = |found: &Value| {
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        assert_eq!(found["result"] == "ok", found["remedy"].is_null(), "{found}");
        format!("{} {}: {}", text("result"), text("check"), text("what"))
    };
    (done.code, report["checks"].as_array().unwrap().iter().map(line).collect())
}

/// Insists that the only lines that are not well begin like this.
#[track_caller]
pub fn assert_found(shell: &Shell, settings: &[(&str, &str)], expected: &[&str]) {
    let (code, lines) = examine(shell, settings, &["--offline"]);
    let unwell: Vec<&String> = lines.iter().filter(|line| !line.starts_with("ok ")).collect();
    let fits = unwell.len() == expected.len()
        && unwell.iter().zip(expected).all(|(line, start)| line.starts_with(start));
    assert!(fits, "expected {expected:#?}, found {lines:#?}");
    assert_eq!(code, i32::from(expected.iter().any(|line| line.starts_with("problem"))));
}

#[test]
fn before_the_first_start_all_is_well_and_stays_untouched() {
    let shell = Shell::new();
    assert_found(&shell, &[], &[]);
    assert!(nothing_in(&shell.path("")));
    let (code, lines) = examine(&shell, &[("COUNTERSIGN_ISSUER", "http://localhost:1")], &[]);
    assert_eq!(code, 0, "an issuer that does not answer from here is a warning");
    assert!(
        lines.iter().any(|line| line.starts_with("warning issuer: http://localhost:1/.well-known")),
        "{lines:#?}"
    );
}

#[test]
fn beside_a_running_server_all_is_well() {
    let shell = Shell::new();
    let port = redis::free_port().to_string();
    let (issuer, listen) = (format!("http://localhost:{port}"), format!("localhost:{port}"));
    let settings = [("COUNTERSIGN_ISSUER", issuer.as_str()), ("COUNTERSIGN_LISTEN", listen.as_str())];
    let server = serving::start(&shell, &settings);
    let (code, lines) = examine(&shell, &settings, &[]);
    assert!(code == 0 && lines.iter().all(|line| line.starts_with("ok ")), "{lines:#?}");
    for part in ["ok database: SQLite 3.", "answers what this configuration says", "opens all signing keys"] {
        assert!(lines.iter().any(|line| line.contains(part)), "{part}: {lines:#?}");
    }
    // A resource more, here and not there.
    let text = format!(
        "issuer = '{issuer}'\nlisten = '{listen}'\n[[resource]]\nuri = 'https://api.example'\nscopes = ['read']"
    );
    let file = shell.file("other.toml", text);
    let (code, lines) = examine(&shell, &[], &["--config", &file]);
    let differs = format!(
        "warning issuer: {issuer}/.well-known/openid-configuration differs from this configuration in scopes_supported"
    );
    assert!(code == 0 && lines.contains(&differs), "{lines:#?}");
    assert_eq!(server.end("-TERM").code, 0);
}

#[test]
fn it_speaks_to_people_too() {
    let shell = Shell::new();
    let done = shell.run(&["doctor", "--offline"]).good();
    assert!(done.out.starts_with("ok       configuration  issuer http://localhost:8080"), "{}", done.out);
    shell.file("countersign.toml", "isuer = 'x'");
    let done = shell.run(&["doctor"]);
    assert!(done.code == 1 && done.err.contains("1 to be mended, 0 to be looked at"), "{}", done.err);
    assert!(done.out.starts_with("problem  configuration  ") && done.out.contains("→ "), "{}", done.out);
}

#[test]
fn keys_and_files_are_looked_at() {
    let shell = Shell::new();
    assert_eq!(serving::start(&shell, &[]).end("-TERM").code, 0);
    let key = shell.path("keys/instance.key");
    let open =
        |path: &std::path::Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();

    open(&shell.path("data/countersign.db"), 0o644);
    assert_found(&shell, &[], &["problem files: data/countersign.db is open to every account"]);
    open(&shell.path("data/countersign.db"), 0o600);
    open(&key, 0o644);
    let both = [
        "problem files: keys/instance.key is open",
        "problem instance key: keys/instance.key can be read by others",
    ];
    assert_found(&shell, &[], &both);
    open(&key, 0o600);
    assert_found(&shell, &[], &[]);

    let original = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    assert_found(
        &shell,
        &[],
        &["problem instance key: keys/instance.key is missing, and the database is sealed with "],
    );
    let other = "A".repeat(43);
    let given = [("COUNTERSIGN_INSTANCE_KEY", other.as_str())];
    assert_found(&shell, &given, &["problem instance key: the database is sealed with "]);
    fs::write(&key, original).unwrap();
    open(&key, 0o600);
    assert_found(&shell, &[], &[]);
}

#[test]
fn certificate_and_proxies_are_looked_at() {
    let shell = Shell::new();
    let https = ("COUNTERSIGN_ISSUER", "https://id.example");
    let tls = [https, ("COUNTERSIGN_TLS_CERT", "cert.pem"), ("COUNTERSIGN_TLS_KEY", "key.pem")];
    for (days, expected) in [
        (90, &[][..]),
        (10, &["warning certificate: cert.pem expires in 9 days"]),
        (0, &["problem certificate: cert.pem expired"]),
    ] {
        let (cert, key) = self_signed(1, days);
        shell.file("cert.pem", cert);
        shell.file("key.pem", key);
        fs::set_permissions(shell.path("key.pem"), Permissions::from_mode(0o600)).unwrap();
        assert_found(&shell, &tls, expected);
    }
    shell.file("key.pem", self_signed(2, 90).1);
    assert_found(&shell, &tls, &["problem certificate: key.pem is not the key of cert.pem"]);

    let proxied = |proxies: &str, listen: &str, expected: &[&str]| {
        let settings = [https, ("COUNTERSIGN_TRUSTED_PROXIES", proxies), ("COUNTERSIGN_LISTEN", listen)];
        assert_found(&shell, &settings, expected);
    };
    proxied("127.0.0.1/32", "127.0.0.1:8080", &[]);
    proxied("10.1.2.0/24,fd00::/48", "0.0.0.0:8080", &[]);
    proxied("127.0.0.1/32", "0.0.0.0:8080", &["warning proxies: listen = 0.0.0.0:8080 is open"]);
    proxied("10.0.0.0/7", "0.0.0.0:8080", &["warning proxies: trusted_proxies has 10.0.0.0/7"]);
    proxied("10.0.0.0/8,0.0.0.0/0", "0.0.0.0:8080", &["problem proxies: trusted_proxies has 0.0.0.0/0"]);
    proxied("::/0", "127.0.0.1:8080", &["problem proxies: trusted_proxies has ::/0"]);
}

#[test]
fn a_redis_that_forgets_is_found() {
    let shell = Shell::new();
    let server = redis::Server::start();
    let url = server.url();
    let settings = [("COUNTERSIGN_STATE_URL", url.as_str())];
    let mut direct = ::redis::Client::open(url.as_str()).unwrap().get_connection().unwrap();
    let mut tell = |words: &[&str]| {
        let _: ::redis::Value = ::redis::cmd(words[0]).arg(&words[1..]).query(&mut direct).unwrap();
    };
    let (forgets, replica) =
        ("warning state store: it keeps nothing on disk", "problem state store: it is a replica");
    assert_found(&shell, &settings, &[forgets]);
    tell(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    assert_found(&shell, &settings, &["problem state store: maxmemory-policy allkeys-lru", forgets]);
    tell(&["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]);
    assert_found(&shell, &settings, &["warning state store: maxmemory-policy volatile-ttl", forgets]);
    tell(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    tell(&["CONFIG", "SET", "save", "3600 1"]);
    assert_found(&shell, &settings, &[]);
    tell(&["REPLICAOF", "127.0.0.1", &redis::free_port().to_string()]);
    assert_found(&shell, &settings, &[replica]);
    tell(&["REPLICAOF", "NO", "ONE"]);
    drop(server);
    assert_found(&shell, &settings, &["problem state store: the state store cannot be reached"]);
    assert!(nothing_in(&shell.path("")));
}

/// It trusts whom the server trusts.
#[test]
fn a_redis_of_an_own_authority_is_believed() {
    let (shell, authority) = (Shell::new(), Authority::new());
    let (certificate, key) = authority.certify_localhost();
    let server = redis::Server::start_with_tls(&certificate, &key);
    let url = format!("rediss://:hunter2@localhost:{}", server.port);
    let roots = shell.file("roots.pem", authority.pem());
    let state = ("COUNTERSIGN_STATE_URL", url.as_str());
    let trusting = ("COUNTERSIGN_OUTBOUND_CA_FILE", roots.as_str());
    for (settings, expected) in [
        (&[state, trusting][..], "warning state store: it keeps nothing on disk"),
        (&[state], "certificate verify failed"),
    ] {
        let begun = Instant::now();
        loop {
            let (_, lines) = examine(&shell, settings, &["--offline"]);
            // A busy machine may take longer over a handshake than it may.
            if lines.iter().any(|line| line.contains(expected)) {
                break;
            }
            let is_slow = lines.iter().any(|line| line.contains("timed out"));
            assert!(is_slow && begun.elapsed() < Duration::from_secs(30), "{expected}: {lines:#?}");
        }
    }
}

#[test]
fn a_postgres_that_is_away_read_only_or_out_of_time_is_found() {
    let shell = Shell::new();
    let (server, key) = (postgres::Server::start(), "A".repeat(43));
    // Usually a server that takes no writes is turned away before it can be asked.
    let url = format!("{}&target_session_attrs=any", server.database());
    let database = url.split(['/', '?']).nth(3).unwrap().to_owned();
    let settings = [("COUNTERSIGN_DATABASE_URL", url.as_str()), ("COUNTERSIGN_INSTANCE_KEY", key.as_str())];
    // What passes rests there too; and this server of the tests does not wait for its disk.
    let (shared, forgets) =
        ("warning state store: a table in PostgreSQL", "warning database: what it confirms may be lost");
    assert_found(&shell, &settings, &[forgets, shared]);
    let mut direct = PgConnection::establish(&url).unwrap();
    let count = "DO $$ BEGIN ASSERT (SELECT count(*) FROM pg_tables WHERE schemaname = 'public') = 0; END $$";
    direct.batch_execute(count).expect("it made no table");

    let mut set =
        |what: &str| direct.batch_execute(&format!("ALTER DATABASE {database} SET {what}")).unwrap();
    set("default_transaction_read_only = on");
    assert_found(&shell, &settings, &["problem database: it takes no writes", forgets, shared]);
    set("default_transaction_read_only = off");
    set("search_path = public, pg_catalog");
    direct
        .batch_execute(
            "CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql AS \
             'SELECT pg_catalog.clock_timestamp() + interval ''90 seconds'''",
        )
        .unwrap();
    assert_found(
        &shell,
        &settings,
        &[forgets, "problem database clock: it differs from this machine's by 1 min", shared],
    );
    drop(direct);
    let _paused = server.pause();
    assert_found(&shell, &settings, &["problem database: the database postgres://", shared]);
    assert!(nothing_in(&shell.path("")));
}

/// A key that has signed for a while must have one beside it that verifiers know.
#[test]
fn a_provider_whose_next_key_is_missing_is_told_so() {
    let shell = Shell::new();
    assert_eq!(serving::start(&shell, &[]).end("-TERM").code, 0);
    execute(&shell.db(), "DELETE FROM signing_keys WHERE state <> 'active'").unwrap();
    assert_found(&shell, &[], &[]);
    execute(&shell.db(), "UPDATE signing_keys SET since = since - 300 WHERE alg = 'ES256'").unwrap();
    assert_found(&shell, &[], &["warning signing keys: ES256: no next key is public"]);
}

#[test]
fn a_key_policy_that_contradicts_lifetimes_is_found() {
    let shell = Shell::new();
    shell.file("countersign.toml", "[keys]\npublish_after = 1000");
    let (code, lines) = examine(&shell, &[], &["--offline"]);
    let said = "publish_after is 1000 s, but tokens live for 600 s";
    assert!(
        code == 1 && lines[0].starts_with("problem configuration") && lines[0].contains(said),
        "{lines:#?}"
    );
    shell.file("countersign.toml", "[keys]\nretain = 3600");
    let said =
        "warning signing keys: publish_after and retain end 1 day 1 h after a key signed for the last time";
    assert_found(&shell, &[], &[said]);
}

/// An algorithm that is taken away, and the application that is registered for it.
#[test]
fn applications_nobody_can_sign_for_are_named() {
    let shell = Shell::new();
    let more = "[keys]\nalgorithms = ['RS256', 'ES256', 'PS256']";
    shell.file("countersign.toml", more);
    let id = shell.client(&["--id-token-alg", "PS256"])["client_id"].as_str().unwrap().to_owned();
    let log = || {
        let done = serving::start(&shell, &[]).end("-TERM");
        assert_eq!(done.code, 0, "it starts whatever one application needs");
        done.err
    };
    assert!(!log().contains(&id));
    assert_found(&shell, &[], &[]);

    shell.file("countersign.toml", "");
    let ends = format!(
        "PS256 is not configured, and nobody can sign in once its last key ends: these are registered for it: {id}"
    );
    assert_found(&shell, &[], &[&format!("warning signing keys: {ends}")]);
    assert!(log().contains(&ends));
    execute(&shell.db(), "DELETE FROM signing_keys WHERE alg = 'PS256'").unwrap();
    let over = format!("PS256 is not configured, and nobody can sign in: these are registered for it: {id}");
    assert_found(&shell, &[], &[&format!("warning signing keys: {over}")]);
    assert!(log().contains(&over));

    // Brought back, it is new to every verifier.
    shell.file("countersign.toml", more);
    let waits = "no PS256 key signs yet, and nobody can sign in until then";
    assert_found(
        &shell,
        &[],
        &[&format!("warning signing keys: {waits}: these are registered for it: {id}")],
    );
    let add =
        ["client", "add", "--name", "B", "--redirect-uri", "https://b.example/cb", "--id-token-alg", "PS256"];
    let done = shell.run(&add);
    assert!(done.code == 0 && done.err.contains(waits), "{}", done.err);
}

#[test]
fn people_who_cannot_be_told_apart_are_named() {
    let shell = Shell::new();
    shell.user("modern");
    assert_found(&shell, &[], &[]);
    let team = ["--email", "team@example.com", "--email-verified", "--password-stdin"];
    for login in ["grace", "hugo"] {
        let words = [&["user", "add", login][..], &team].concat();
        shell.feed(&words, "wistful otter paints").good();
    }
    let row = "INSERT INTO users (id, login, login_shown, claims, disabled, created_at, updated_at) VALUES \
        ('x', 'modem', 'modem', '{\"preferred_username\":\"m\"}', FALSE, 1, 1)";
    execute(&shell.db(), row).unwrap();
    let found = [
        "warning people: login names that look like those of others: \"modem\" (x) like \"modern\"",
        "warning people: e-mail addresses verified for several people, who do not sign in with them: \
         team@example.com of grace and hugo",
        "warning people: people whose preferred_username is not their login name: modem is told as \"m\"",
    ];
    assert_found(&shell, &[], &found);
}
