//! The program dies, and nobody but the operator notices.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use countersign::app::open_store;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::password::Password;
use countersign::protocol::client::Client;
use countersign::protocol::user::User;
use countersign::store;
use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use serde_json::{Map, json};
use tempfile::TempDir;

use crate::support::app::{PASSWORD, REDIRECT};
use crate::support::browser::{Answer, Browser};
use crate::support::redis::free_port;
use crate::support::rp::{CHALLENGE, claims};

/// The real program on a directory of its own.
struct Installation {
    folder: TempDir,
    issuer: String,
    running: Option<Child>,
}

impl Installation {
    fn new() -> Installation {
        let issuer = format!("http://127.0.0.1:{}", free_port());
        Installation { folder: tempfile::tempdir().unwrap(), issuer, running: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn start(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.arg("serve").current_dir(self.folder.path()).env("COUNTERSIGN_ISSUER", &self.issuer);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.running = Some(command.spawn().unwrap());
        let begun = Instant::now();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        while http.get(format!("{}/.well-known/jwks.json", self.issuer)).send().await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(10), "it does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// SIGKILL: no time for anything.
    fn kill(&mut self) {
        let mut running = self.running.take().unwrap();
        running.kill().unwrap();
        running.wait().unwrap();
    }

    /// Adds a person and an application, as the command line does.
    async fn furnish(&self) {
        let config =
            Config::development(&self.issuer, &self.path("data"), &self.path("keys"), vec![]).unwrap();
        let (db, now) = (open_store(&config).unwrap(), Clock::default().now());
        let id = countersign::ids::new_sub();
        let ada = User { id, login: "ada".into(), disabled: false, claims: Map::new() };
        let hash = Password::chosen(PASSWORD).unwrap().hash().unwrap();
        store::users::add(&db, ada, Some(hash), "test", now).await.unwrap().unwrap();
        let metadata = json!({ "client_name": "App", "redirect_uris": [REDIRECT], "first_party": true,
            "token_endpoint_auth_method": "none" });
        let metadata = serde_json::from_value(metadata).unwrap();
        let app = Client {
            id: "app".into(),
            secret: None,
            disabled: false,
            registered_at: time::OffsetDateTime::UNIX_EPOCH,
            metadata,
        };
        assert!(store::clients::add(&db, &app, "test", now).await.unwrap());
    }

    fn authorize(&self, prompt: &str) -> String {
        let query = [
            ("client_id", "app"),
            ("redirect_uri", REDIRECT),
            ("response_type", "code"),
            ("scope", "openid"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("prompt", prompt),
        ];
        url::Url::parse_with_params(&format!("{}/authorize", self.issuer), query).unwrap().into()
    }

    async fn redeem(&self, browser: &Browser, code: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", "app"),
            ("code", code),
            ("code_verifier", crate::support::rp::VERIFIER),
        ];
        let token = format!("{}/token", self.issuer);
        browser.send(browser.request(reqwest::Method::POST, &token).form(&form)).await
    }

    async fn keys(&self, browser: &Browser) -> (String, String) {
        let set = browser.get(&format!("{}/.well-known/jwks.json", self.issuer)).await;
        (set.body.clone(), set.header("etag").to_owned())
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
fn assert_whole(file: &Path) {
    let mut conn: diesel::SqliteConnection =
        diesel::Connection::establish(&file.display().to_string()).unwrap();
    let said: Vec<Check> = diesel::sql_query("PRAGMA integrity_check").load(&mut conn).unwrap();
    let said: Vec<String> = said.into_iter().map(|check| check.integrity_check).collect();
    assert_eq!(said, ["ok"], "{}", file.display());
}

/// Killed without warning, started again: people are still signed in, a page that was open still works, a
/// code that was under way is redeemed once, and the keys are those of before.
#[actix_web::test]
async fn a_killed_provider_comes_back_with_everybody_signed_in() {
    let mut provider = Installation::new();
    provider.furnish().await;
    provider.start().await;
    let browser = Browser::new(std::sync::Arc::default());
    let page = browser.open(&provider.authorize("login")).await;
    let home = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    let first = provider.redeem(&browser, &home.answered("code").unwrap()).await.json();
    let open_page = browser.open(&provider.authorize("login")).await;
    let under_way =
        browser.get(&provider.authorize("none")).await.answered("code").expect("a silent sign-in");
    let keys = provider.keys(&browser).await;

    provider.kill();
    provider.start().await;

    assert_eq!(provider.keys(&browser).await, keys, "the same kids and the same ETag");
    let silent = browser.get(&provider.authorize("none")).await;
    let code = silent.answered("code").unwrap_or_else(|| panic!("signed out by a restart: {silent:?}"));
    let again = provider.redeem(&browser, &code).await.json();
    for same in ["sub", "sid", "auth_time"] {
        assert_eq!(claims(&again["id_token"])[same], claims(&first["id_token"])[same], "{same}");
    }
    assert_eq!(provider.redeem(&browser, &under_way).await.status, 200);
    assert_eq!(provider.redeem(&browser, &under_way).await.json()["error"], "invalid_grant");
    let home = browser.submit(&open_page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert!(home.answered("code").is_some(), "a sign-in page that was open is void: {home:?}");
    assert_whole(&provider.path("data/countersign.db"));
    assert_whole(&provider.path("data/state.db"));
}

/// Killed again and again in the middle of writing: both files stay whole, and what was answered counts.
#[actix_web::test]
async fn a_provider_killed_while_it_writes_loses_nothing_it_answered() {
    let mut provider = Installation::new();
    provider.furnish().await;
    provider.start().await;
    let browser = Browser::new(std::sync::Arc::default());
    let page = browser.open(&provider.authorize("login")).await;
    browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    for round in 0..4_u64 {
        let visits = async {
            let http = reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .build()
                .unwrap();
            let cookie = format!("countersign_sid={}", browser.cookie("countersign_sid").unwrap());
            let mut codes = vec![];
            // Every answer carries a code that was written; replays write as well.
            while let Ok(answer) = http.get(provider.authorize("none")).header("cookie", &cookie).send().await
            {
                let to = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
                let code = to.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
                codes.push(code);
            }
            codes
        };
        let child = provider.running.as_ref().unwrap().id().to_string();
        let end = async {
            tokio::time::sleep(Duration::from_millis(150 + 37 * round)).await;
            Command::new("kill").args(["-KILL", &child]).status().unwrap();
        };
        let (codes, ()) = tokio::join!(visits, end);
        provider.kill();
        assert!(codes.len() > 3, "hardly anything was written: {}", codes.len());
        assert_whole(&provider.path("data/countersign.db"));
        assert_whole(&provider.path("data/state.db"));
        provider.start().await;
        for code in codes.iter().rev().take(3) {
            assert_eq!(
                provider.redeem(&browser, code).await.status,
                200,
                "a code that was answered is there"
            );
        }
    }
}
