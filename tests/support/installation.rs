//! The real program on a directory of its own: it can be killed, and kept from writing.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign::app::open_store;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::db::{Db, Url};
use countersign::password::Password;
use countersign::protocol::user::User;
use countersign::store;
use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use serde_json::{Map, json};
use tempfile::TempDir;

use super::TEST;
use super::app::{PASSWORD, REDIRECT};
use super::browser::{Answer, Browser};
use super::redis::free_port;
use super::rp::{VERIFIER, changed, registered, request};

/// The program, with a person called ada and a first-party application called app.
pub struct Installation {
    folder: TempDir,
    pub issuer: String,
    settings: Vec<(&'static str, String)>,
    running: Option<Child>,
    log: Arc<Mutex<String>>,
}

/// A limit on the size of files must fail what is written, not end the program.
const SERVE: &str = "trap '' XFSZ; exec \"$0\" serve";
/// Nobody else sees it, and it ends with the process.
const SMALL_DISK: &str =
    "cp -R data kept && mount -t tmpfs -o size=8m,mode=700 disk data && cp kept/* data && rm -R kept";

impl Installation {
    /// One on files of its own.
    pub async fn new() -> Installation {
        Installation::with(vec![]).await
    }

    /// One on servers.
    pub async fn on(postgres: &str, redis: &str) -> Installation {
        Installation::with(vec![
            ("COUNTERSIGN_DATABASE_URL", postgres.to_owned()),
            ("COUNTERSIGN_STATE_URL", redis.to_owned()),
            ("COUNTERSIGN_INSTANCE_KEY", "A".repeat(43)),
        ])
        .await
    }

    /// One with these settings, as variables of its environment.
    pub async fn with(settings: Vec<(&'static str, String)>) -> Installation {
        let issuer = format!("http://127.0.0.1:{}", free_port());
        let folder = tempfile::tempdir().unwrap();
        let installation = Installation { folder, issuer, settings, running: None, log: Arc::default() };
        installation.furnish().await;
        installation
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub async fn start(&mut self) {
        self.start_by(&["sh", "-c", SERVE]).await;
    }

    /// Starts it with its data on a small disk of its own, and answers where others find that. Not every machine
    /// lets a process have one.
    pub async fn start_on_small_disk(&mut self) -> Option<PathBuf> {
        let alone = ["unshare", "--user", "--map-root-user", "--mount"];
        let mut tried = Command::new(alone[0]);
        tried.args(&alone[1..]).args(["sh", "-c", "mount -t tmpfs disk data"]);
        let is_let = tried.current_dir(self.folder.path()).stderr(Stdio::null()).status();
        if !is_let.is_ok_and(|tried| tried.success()) {
            return None;
        }
        let script = format!("{SMALL_DISK} && {SERVE}");
        self.start_by(&[&alone[..], &["sh", "-c", &script]].concat()).await;
        Some(PathBuf::from(format!("/proc/{}/root{}", self.id(), self.path("data").display())))
    }

    async fn start_by(&mut self, words: &[&str]) {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(env!("CARGO_BIN_EXE_countersign"));
        command.current_dir(self.folder.path()).env("COUNTERSIGN_ISSUER", &self.issuer);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (lines, log) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&self.log));
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                log.lock().unwrap().extend([line.as_str(), "\n"]);
            }
        });
        self.running = Some(child);
        let begun = Instant::now();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        while http.get(format!("{}/.well-known/jwks.json", self.issuer)).send().await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not start: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it has written to its log so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The same once a line has these words: what was written is read a moment later.
    pub async fn log_with(&self, words: &str) -> String {
        let begun = Instant::now();
        while !self.log().contains(words) {
            assert!(begun.elapsed() < Duration::from_secs(20), "no line says {words}: {}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.log()
    }

    pub fn id(&self) -> u32 {
        self.running.as_ref().unwrap().id()
    }

    /// SIGKILL: no time for anything.
    pub fn kill(&mut self) {
        let mut running = self.running.take().unwrap();
        running.kill().unwrap();
        running.wait().unwrap();
    }

    /// SIGINT, and waits for its end.
    pub fn interrupt(&mut self) {
        let mut running = self.running.take().unwrap();
        let told = Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
        assert!(told.success() && running.wait().unwrap().success(), "{}", self.log());
    }

    /// Its main database, for looking over its shoulder.
    pub fn db(&self) -> Db {
        open_store(&self.config()).unwrap()
    }

    /// Lets it write nothing to any file, as if the disk were full, or everything again.
    pub fn may_write(&self, may: bool) {
        let limit = if may { "--fsize=unlimited" } else { "--fsize=0:unlimited" };
        let done = Command::new("prlimit").args(["--pid", &self.id().to_string(), limit]).status().unwrap();
        assert!(done.success());
    }

    fn config(&self) -> Config {
        let mut config =
            Config::development(&self.issuer, &self.path("data"), &self.path("keys"), vec![]).unwrap();
        if let Some((_, url)) = self.settings.iter().find(|(name, _)| name.ends_with("DATABASE_URL")) {
            config.database = Url::parse(url).unwrap();
        }
        config
    }

    /// Adds a person and an application, as the command line does.
    async fn furnish(&self) {
        let (db, now) = (self.db(), Clock::default().now());
        let id = countersign::ids::new_sub();
        let ada = User { id, login: "ada".into(), disabled: false, claims: Map::new() };
        let hash = Password::chosen(PASSWORD).unwrap().hash().unwrap();
        store::users::add(&db, ada, Some(hash), TEST, now).await.unwrap().unwrap();
        let metadata = json!({ "first_party": true, "token_endpoint_auth_method": "none" });
        let app = registered("app", None, metadata);
        assert!(store::clients::add(&db, &app, TEST, now).await.unwrap());
    }

    pub fn authorize(&self, prompt: &str) -> String {
        let query = changed(request("app", REDIRECT), &[("prompt", prompt)]);
        url::Url::parse_with_params(&format!("{}/authorize", self.issuer), query).unwrap().into()
    }

    pub async fn redeem(&self, browser: &Browser, code: &str) -> Answer {
        browser.send(self.redemption(browser, code)).await
    }

    /// The request that redeems a code.
    pub fn redemption(&self, browser: &Browser, code: &str) -> reqwest::RequestBuilder {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", "app"),
            ("code", code),
            ("code_verifier", VERIFIER),
        ];
        browser.request(reqwest::Method::POST, &format!("{}/token", self.issuer)).form(&form)
    }

    pub async fn keys(&self, browser: &Browser) -> (String, String) {
        let set = browser.get(&format!("{}/.well-known/jwks.json", self.issuer)).await;
        (set.body.clone(), set.header("etag").to_owned())
    }

    /// Checks that both files are whole.
    pub fn assert_whole(&self) {
        assert_whole(&self.path("data/countersign.db"));
        assert_whole(&self.path("data/state.db"));
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
    }
}

#[derive(diesel::QueryableByName)]
struct Check {
    #[diesel(sql_type = Text)]
    integrity_check: String,
}

/// Asks SQLite itself whether a file is whole.
pub fn assert_whole(file: &Path) {
    let mut conn: diesel::SqliteConnection =
        diesel::Connection::establish(&file.display().to_string()).unwrap();
    let said: Vec<Check> = diesel::sql_query("PRAGMA integrity_check").load(&mut conn).unwrap();
    let said: Vec<String> = said.into_iter().map(|check| check.integrity_check).collect();
    assert_eq!(said, ["ok"], "{}", file.display());
}
