//! What `deploy/` ships, and what the manual says of backups, done as an operator would do it. Only what
//! differs from place to place is replaced in a file: addresses, folders, names.
//!
//! Holds `cli/serve.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::{Done, Shell, serving};
use crate::support::app::REDIRECT;
use crate::support::browser::Browser;
use crate::support::redis::{free_port, signal};
use crate::support::rp::CHALLENGE;
use crate::support::{nginx, postgres, redis};

/// How long a process may take to start on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A shipped file with some of its text replaced; each piece must be there, as often as it is.
fn shipped(name: &str, replaced: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name);
    let mut text = fs::read_to_string(path).unwrap();
    for (there, here) in replaced {
        assert!(text.contains(there), "deploy/{name} has no {there}");
        text = text.replace(there, here);
    }
    text
}

/// A setting of the unit.
fn of_unit(name: &str) -> String {
    let unit = shipped("countersign.service", &[]);
    let line = unit.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    line.unwrap_or_else(|| panic!("the unit has no {name}")).to_owned()
}

/// What the provider tells systemd.
struct Supervisor(UnixDatagram);

impl Supervisor {
    fn hears(&self, what: &str) {
        let mut heard = [0; 256];
        let length = self.0.recv(&mut heard).unwrap_or_else(|_| panic!("nobody says {what}"));
        assert_eq!(String::from_utf8_lossy(&heard[..length]).trim(), what);
    }
}

/// The unit's own command line, in a folder instead of the whole machine.
fn start_as_the_unit_does(shell: &Shell, front: u16, node: u16) -> (Child, Supervisor) {
    let folder = shell.path("").display().to_string();
    let toml = shipped(
        "countersign.toml",
        &[
            ("https://id.example.com", &format!("https://localhost:{front}")),
            ("127.0.0.1:8080", &format!("127.0.0.1:{node}")),
            ("127.0.0.1:9464", "127.0.0.1:0"),
            ("/var/lib/countersign", folder.trim_end_matches('/')),
            ("postgres://countersign@db.example.com/countersign?sslmode=verify-full", &postgres::database()),
            ("rediss://redis.example.com", &redis::url()),
        ],
    );
    let line = of_unit("ExecStart");
    let mut words = line.split(' ');
    assert_eq!(words.next(), Some("/usr/bin/countersign"));
    let config = shell.file("countersign.toml", toml);
    let words: Vec<&str> =
        words.map(|word| if word.starts_with("/etc/") { config.as_str() } else { word }).collect();
    shell.run(&["keys", "init"]).good();
    let supervisor = Supervisor(UnixDatagram::bind(shell.path("notify")).unwrap());
    supervisor.0.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = shell.command(&words);
    let log = fs::File::create(shell.path("log")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let server = command.env("NOTIFY_SOCKET", shell.path("notify")).spawn().unwrap();
    assert_eq!(of_unit("Type"), "notify");
    supervisor.hears("READY=1");
    TcpStream::connect(("127.0.0.1", node)).expect("it listens when it says so");
    (server, supervisor)
}

/// The connections that there are or were a moment ago between somebody here and a port, by the other end.
fn connections(port: u16) -> BTreeSet<String> {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let (ours, mut found) = (format!("0100007F:{port:04X}"), BTreeSet::new());
    for line in table.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_listening = words[3] == "0A";
        if !is_listening && words[1] == ours {
            found.insert(words[2].to_owned());
        } else if !is_listening && words[2] == ours {
            found.insert(words[1].to_owned());
        }
    }
    found
}

/// The lines of a request in the log, as objects.
fn lines_of(shell: &Shell, id: &str) -> Vec<Value> {
    let log = fs::read_to_string(shell.path("log")).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["span"]["id"] == id).collect()
}

#[actix_web::test]
async fn unit_configuration_postgres_redis_and_nginx_make_a_whole() {
    let (shell, front, node) = (Shell::new(), free_port(), free_port());
    let (mut server, supervisor) = start_as_the_unit_does(&shell, front, node);
    let _nginx = nginx::Server::start(&shell.path("nginx"), front, &[node]);
    let issuer = format!("https://localhost:{front}");
    let client = shell.client(&["--redirect-uri", REDIRECT, "--native"]);
    shell.user("ada");

    let browser = Browser::at("127.0.0.2".parse().unwrap());
    let before = connections(node);
    let query = [
        ("client_id", client["client_id"].as_str().unwrap()),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let authorize = url::Url::parse_with_params(&format!("{issuer}/authorize"), query).unwrap();
    let page = browser.open(authorize.as_str()).await;
    assert!(page.url.as_str().starts_with(&format!("{issuer}/login?")), "{}", page.url);
    let mut next = browser.submit(&page, &[("username", "ada"), ("password", "wistful otter paints")]).await;
    if next.url.path() == "/consent" {
        next = browser.submit(&next, &[("decision", "allow")]).await;
    }
    assert!(next.answered("code").is_some(), "{} {}", next.status, next.body);
    assert_eq!(next.answered("iss"), Some(issuer.clone()));
    assert!(browser.cookie("__Host-sid").is_some(), "the cookies are those of https");
    let discovery = browser.get(&format!("{issuer}/.well-known/openid-configuration")).await;
    assert_eq!(discovery.header("strict-transport-security"), "max-age=31536000");
    assert_eq!(discovery.json()["token_endpoint"], format!("{issuer}/token"));

    // What a visitor writes about himself is written anew.
    let forged = browser.request(Method::GET, &format!("{issuer}/")).header("x-forwarded-for", "203.0.113.9");
    let answer = browser.send(forged.header("x-request-id", "chosen-by-a-visitor")).await;
    let id = answer.header("x-request-id");
    assert!(id.len() == 32 && id.bytes().all(|c| c.is_ascii_hexdigit()), "nginx names the request: {id}");
    let lines = lines_of(&shell, id);
    assert_eq!((lines.len(), &lines[0]["from"]), (1, &json!("127.0.0.2")), "{lines:?}");

    for _ in 0..20 {
        assert_eq!(browser.get(&format!("{issuer}/.well-known/jwks.json")).await.status, 200);
    }
    let made: Vec<String> = connections(node).difference(&before).cloned().collect();
    assert!((1..=3).contains(&made.len()), "nginx keeps its connections: {made:?}");

    assert_eq!(of_unit("ExecReload"), "/bin/kill -HUP $MAINPID");
    signal("-HUP", &server.id().to_string());
    let begun = Instant::now();
    while !fs::read_to_string(shell.path("log")).unwrap().contains("nothing to read again") {
        assert!(begun.elapsed() < PATIENCE, "a reload is heard");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(server.try_wait().unwrap().is_none(), "and ends nothing");
    signal("-TERM", &server.id().to_string());
    let begun = Instant::now();
    supervisor.hears("STOPPING=1");
    assert!(server.wait().unwrap().success());
    let most: u64 = of_unit("TimeoutStopSec").parse().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(most), "systemd would have killed it");
}

#[test]
fn the_unit_passes_the_checks_of_systemd() {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("countersign.service");
    let program = env!("CARGO_BIN_EXE_countersign");
    fs::write(&unit, shipped("countersign.service", &[("/usr/bin/countersign", program)])).unwrap();
    let ask = |words: &[&str]| {
        let done = Command::new("systemd-analyze").args(words).arg(&unit).output().unwrap();
        let said =
            String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{words:?}: {said}");
        said
    };
    let said = ask(&["verify"]);
    assert!(!said.contains("countersign.service:"), "{said}");
    ask(&["security", "--no-pager", "--offline=yes", "--threshold=20"]);
    assert_eq!(of_unit("LimitCORE"), "0", "a core would hold keys and passwords");
}

/// While it serves, and served elsewhere afterwards.
#[test]
fn a_backup_of_sqlite_can_be_served() {
    let (shell, elsewhere) = (Shell::new(), Shell::new());
    let server = serving::start(&shell, &[]);
    shell.user("ada");
    fs::create_dir_all(elsewhere.path("data")).unwrap();
    let mut conn = SqliteConnection::establish(shell.path("data/countersign.db").to_str().unwrap()).unwrap();
    let copy = elsewhere.path("data/countersign.db");
    conn.batch_execute(&format!("VACUUM INTO '{}'", copy.display())).unwrap();
    shell.user("late");
    assert_eq!(server.end("-TERM").code, 0);

    let unwell = elsewhere.run(&["doctor", "--offline"]);
    assert!(
        unwell.code == 1 && unwell.out.contains("is missing, and the database is sealed"),
        "{}",
        unwell.out
    );
    fs::create_dir_all(elsewhere.path("keys")).unwrap();
    fs::copy(shell.path("keys/instance.key"), elsewhere.path("keys/instance.key")).unwrap();
    let server = serving::start(&elsewhere, &[]);
    let people = elsewhere.run(&["user", "list", "--json"]).good().json();
    assert_eq!((people.as_array().unwrap().len(), &people[0]["login"]), (1, &json!("ada")));
    assert_eq!(server.end("-TERM").code, 0);
}

#[test]
fn a_dump_of_postgres_can_be_served() {
    let (shell, from, to) = (Shell::new(), postgres::database(), postgres::database());
    let key = "A".repeat(43);
    let settings =
        |url: &str| [("COUNTERSIGN_DATABASE_URL", url.to_owned()), ("COUNTERSIGN_INSTANCE_KEY", key.clone())];
    let run = |url: &str, words: &[&str]| {
        Done::of(shell.command(words).envs(settings(url)).stdin(Stdio::null()).spawn().unwrap())
    };
    run(&from, &["client", "add", "--name", "Album", "--redirect-uri", "https://album.example/callback"])
        .good();
    let script = "PATH=\"$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)\"
        pg_dump --format=custom \"$FROM\" > dump &&
        pg_restore --clean --if-exists --no-owner --dbname=\"$TO\" dump";
    let mut copied = Command::new("sh");
    copied.arg("-c").arg(script).current_dir(shell.path("")).env("FROM", &from).env("TO", &to);
    assert!(copied.status().unwrap().success());
    let apps = run(&to, &["client", "list", "--json"]).good().json();
    assert_eq!(apps[0]["client_name"], "Album", "{apps}");
    assert!(run(&to, &["doctor", "--offline"]).good().out.contains("for schema version"));
}

/// What the build of the image gets to see.
fn let_in() -> Vec<String> {
    let file = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".dockerignore")).unwrap();
    let mut lines = file.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(
        lines.next(),
        Some("*"),
        "keys and databases that lie here stay out, and so does what nobody named"
    );
    lines.map(|line| line.strip_prefix('!').expect("then only what is let in").to_owned()).collect()
}

#[test]
fn the_image_is_built_from_all_of_the_source_and_nothing_else() {
    let (root, copy) = (Path::new(env!("CARGO_MANIFEST_DIR")), tempfile::tempdir().unwrap());
    let let_in = let_in();
    for name in &let_in {
        let there = copy.path().join(name);
        fs::create_dir_all(there.parent().unwrap()).unwrap();
        let copied = Command::new("cp").arg("-R").arg(root.join(name)).arg(there).status().unwrap();
        assert!(copied.success(), "{name} is there");
    }
    assert!(copy.path().join(".cargo/config.toml").is_file(), "how the embedded engine is compiled");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--locked", "--offline", "--no-deps", "--format-version=1"]);
    let found = cargo.current_dir(copy.path()).output().unwrap();
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));

    // What the compiler read for the program, templates and schema included, as it wrote it down.
    let built = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().unwrap().join("deps");
    let notes = fs::read_dir(built).unwrap().map(|entry| entry.unwrap().path());
    let notes = notes.filter(|path| {
        path.extension().is_some_and(|ending| ending == "d")
            && path.file_name().unwrap().to_string_lossy().starts_with("countersign-")
    });
    let read: String = notes.map(|path| fs::read_to_string(path).unwrap()).collect();
    let read =
        read.split_whitespace().map(|path| Path::new(path).strip_prefix(root).unwrap_or(Path::new(path)));
    // Clippy leaves notes of the same name, with its own settings in them.
    let is_ours = |path: &&Path| {
        let is_read = !path.starts_with("target") && *path != Path::new("clippy.toml");
        path.is_relative() && is_read && root.join(path).is_file()
    };
    let ours: BTreeSet<&Path> = read.filter(is_ours).collect();
    assert!(ours.len() > 100 && ours.iter().any(|path| path.starts_with("migrations")), "{ours:?}");
    for path in ours {
        assert!(
            let_in.iter().any(|name| path.starts_with(name)),
            ".dockerignore keeps {} out",
            path.display()
        );
    }
}
