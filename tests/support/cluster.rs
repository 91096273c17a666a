//! Several nodes of the real program, behind nginx, on one PostgreSQL and one Redis.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign::app::open_store;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::db::{self, Db};
use countersign::password::Password;
use countersign::protocol::user::User;
use countersign::store;
use reqwest::{Method, RequestBuilder};
use serde_json::{Map, json};
use tempfile::TempDir;
use tokio::time::sleep;

use super::TEST;
use super::app::{API, PASSWORD, REDIRECT};
use super::browser::{Answer, Browser};
use super::redis::{free_port, signal};
use super::rp::{VERIFIER, changed, registered, request};
use super::{nginx, postgres, redis};

/// How long anything may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the one client proves itself with.
const SECRET: &str = "a-secret-that-was-chosen-for-a-test-0123456789";
/// The client without a secret, which gets refresh tokens.
pub const PUBLIC: &str = "public";
/// How many people there are: `ada-0`, `ada-1`, …
pub const PEOPLE: usize = 8;

/// All of it; everything ends when it is dropped.
pub struct Cluster {
    pub issuer: String,
    pub nodes: Vec<Node>,
    pub redis: Option<redis::Server>,
    pub postgres: Option<postgres::Server>,
    folder: TempDir,
    database: String,
    requests: Arc<Mutex<Vec<String>>>,
    redis_port: u16,
    _front: nginx::Server,
}

/// One process.
pub struct Node {
    pub port: u16,
    folder: PathBuf,
    running: Option<Child>,
}

impl Cluster {
    /// Starts this many nodes, with a few people and the clients `app` and `public`.
    pub async fn start(nodes: usize) -> Cluster {
        let folder = tempfile::tempdir().unwrap();
        let (front, redis_port) = (free_port(), free_port());
        let issuer = format!("https://localhost:{front}");
        let redis = redis::Server::start_kept(redis_port, folder.path());
        let postgres = postgres::Server::start();
        let database = postgres.database();
        let settings = format!(
            "issuer = \"{issuer}\"\ndatabase_url = \"{database}\"\nstate_url = \"{}\"\n\
             trusted_proxies = [\"127.0.0.1/32\"]\n\
             [[resource]]\nuri = \"{API}\"\nscopes = [\"balances.read\"]\n",
            redis.url()
        );
        std::fs::write(folder.path().join("countersign.toml"), settings).unwrap();
        let ports: Vec<u16> = (0..nodes).map(|_| free_port()).collect();
        let nodes = ports.iter().map(|port| Node::new(folder.path(), *port)).collect();
        let front = nginx::Server::start(&folder.path().join("nginx"), front, &ports);
        let (redis, postgres) = (Some(redis), Some(postgres));
        let mut cluster = Cluster {
            issuer,
            nodes,
            redis,
            postgres,
            folder,
            database,
            requests: Arc::default(),
            redis_port,
            _front: front,
        };
        assert!(cluster.command(&["keys", "init"]).status().unwrap().success());
        cluster.furnish().await;
        for node in &mut cluster.nodes {
            node.spawn();
        }
        for node in &cluster.nodes {
            node.is_up().await;
        }
        cluster
    }

    /// A command as the operator gives it on one of the machines.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = program(self.folder.path());
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        command
    }

    /// Writes a file beside the configuration and gives its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Adds the people and the clients, as the command line does.
    async fn furnish(&self) {
        let (db, now) = (self.db(), Clock::default().now());
        let hash = Password::chosen(PASSWORD).unwrap().hash().unwrap();
        for number in 0..PEOPLE {
            let id = countersign::ids::new_sub();
            let user = User { id, login: format!("ada-{number}"), disabled: false, claims: Map::new() };
            store::users::add(&db, user, Some(hash.clone()), TEST, now).await.unwrap().unwrap();
        }
        let app = registered("app", Some(SECRET), json!({ "application_type": "native" }));
        assert!(store::clients::add(&db, &app, TEST, now).await.unwrap());
        let public = json!({ "application_type": "native", "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"] });
        assert!(store::clients::add(&db, &registered(PUBLIC, None, public), TEST, now).await.unwrap());
    }

    /// The database of all nodes, past them.
    pub fn db(&self) -> Db {
        let path = |name: &str| self.folder.path().join(name);
        let mut config =
            Config::development("http://localhost", &path("data"), &path("keys"), vec![]).unwrap();
        config.database = db::Url::parse(&self.database).unwrap();
        open_store(&config).unwrap()
    }

    pub fn redis(&self) -> &redis::Server {
        self.redis.as_ref().unwrap()
    }

    /// Starts Redis again after its end, with what it had written down.
    pub fn start_redis(&mut self) {
        self.redis = Some(redis::Server::start_kept(self.redis_port, self.folder.path()));
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    pub fn browser(&self) -> Browser {
        Browser::new(Arc::clone(&self.requests))
    }

    /// An authorization request of the client `app`, with more parameters or others.
    pub fn authorize(&self, changed: &[(&str, &str)]) -> String {
        let query = self::changed(request("app", REDIRECT), changed);
        url::Url::parse_with_params(&self.at("/authorize"), query).unwrap().into()
    }

    /// Signs a person in through the front, up to the answer that leads back to the client.
    pub async fn sign_in(&self, browser: &Browser, login: &str, changed: &[(&str, &str)]) -> Answer {
        let page = browser.open(&self.authorize(changed)).await;
        assert!(page.url.path().ends_with("/login"), "{} {}: {}", page.status, page.url, page.body);
        let next = browser.submit(&page, &[("username", login), ("password", PASSWORD)]).await;
        if next.url.path().ends_with("/consent") {
            return browser.submit(&next, &[("decision", "allow")]).await;
        }
        next
    }
}

/// The token request for a code, at any address: the front's, or one node's own.
pub fn redemption(browser: &Browser, at: &str, code: &str) -> RequestBuilder {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    browser.request(Method::POST, at).basic_auth("app", Some(SECRET)).form(&fields)
}

/// The program in a folder, with nothing of this process's own settings.
fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COUNTERSIGN_") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder);
    command
}

impl Node {
    fn new(folder: &Path, port: u16) -> Node {
        Node { port, folder: folder.to_owned(), running: None }
    }

    /// Begins to start; what it says is in its two files.
    fn spawn(&mut self) {
        let log = File::options().create(true).append(true).open(self.file("log")).unwrap();
        let mut command = program(&self.folder);
        command.args(["serve", "--json"]).env("COUNTERSIGN_LISTEN", format!("127.0.0.1:{}", self.port));
        command.stdin(Stdio::null()).stdout(File::create(self.file("out")).unwrap()).stderr(log);
        self.running = Some(command.spawn().unwrap());
    }

    /// Waits until it has said where it listens. Nobody asks it whether it is ready, so that it has to end
    /// without a balancer that listens to that.
    async fn is_up(&self) {
        let begun = Instant::now();
        while !std::fs::read_to_string(self.file("out")).unwrap().ends_with("}\n") {
            assert!(begun.elapsed() < PATIENCE, "a node does not start: {}", self.log());
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn start(&mut self) {
        self.spawn();
        self.is_up().await;
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("node-{}.{ending}", self.port))
    }

    /// All it has logged, before its restarts too.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.file("log")).unwrap()
    }

    /// An address of this very node, past the front.
    pub fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// SIGKILL: no time for anything.
    pub fn kill(&mut self) {
        let mut running = self.running.take().unwrap();
        running.kill().unwrap();
        running.wait().unwrap();
    }

    /// SIGTERM, as a supervisor ends a service; answers how it ended and after how long.
    pub async fn stop(&mut self) -> (ExitStatus, Duration) {
        let (mut running, begun) = (self.running.take().unwrap(), Instant::now());
        signal("-TERM", &running.id().to_string());
        loop {
            if let Some(status) = running.try_wait().unwrap() {
                return (status, begun.elapsed());
            }
            if begun.elapsed() > PATIENCE {
                running.kill().unwrap();
                panic!("a node does not end: {}", self.log());
            }
            sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill().ok();
            running.wait().ok();
        }
    }
}
