//! A provider under test.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use actix_web::dev::ServerHandle;
use actix_web::web::ServiceConfig;
use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::keys::client_secrets::seal_secret;
use countersign::password::Password;
use countersign::protocol::client::{Client, ClientSecret, Secrets};
use countersign::protocol::resource::Resource;
use countersign::protocol::user::User;
use countersign::secret::Token;
use countersign::server;
use countersign::store;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::TEST;
use super::browser::Browser;
use super::rp::registered;
use super::{log, redis};

/// Where a provider under test keeps what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Sql,
    Redis,
}

/// The password of every person under test.
pub const PASSWORD: &str = "wistful-otter-paints-9";
/// The API every provider under test issues tokens for.
pub const API: &str = "https://api.example";

/// How a provider under test differs from the usual one.
pub struct Options {
    pub state: State,
    /// Appended to the issuer: `""` or `/path`.
    pub path: &'static str,
    /// Routes beside the real ones.
    pub extra: fn(&mut ServiceConfig),
    /// Changes the configuration at the last moment.
    pub adjust: fn(&mut Config),
}

impl Default for Options {
    fn default() -> Self {
        Options { state: State::Sql, path: "", extra: |_| (), adjust: |_| () }
    }
}

/// A running provider.
pub struct TestApp {
    pub app: Arc<App>,
    pub issuer: String,
    pub clock: Clock,
    pub folder: Arc<TempDir>,
    secrets: Mutex<Vec<String>>,
    requests: Arc<Mutex<Vec<String>>>,
    handle: ServerHandle,
    thread: thread::JoinHandle<()>,
}

impl TestApp {
    pub async fn start() -> TestApp {
        TestApp::start_with(Options::default()).await
    }

    pub async fn start_with(options: Options) -> TestApp {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        TestApp::start_in(folder, 0, options).await
    }

    /// Starts on a folder and port used before (0: any), as after a restart.
    pub async fn start_in(folder: Arc<TempDir>, port: u16, options: Options) -> TestApp {
        log::start();
        let listeners = server::bind(&format!("127.0.0.1:{port}")).unwrap();
        let port = listeners[0].local_addr().unwrap().port();
        let issuer = format!("http://127.0.0.1:{port}{}", options.path);
        let path = |name: &str| -> PathBuf { folder.path().join(name) };
        let api = Resource {
            uri: API.into(),
            name: Some("The API".into()),
            scopes: vec!["balances.read".into(), "balances.transfer".into()],
            claims: vec!["roles".into()],
            descriptions: [
                ("balances.read".to_owned(), "See your balances".to_owned()),
                ("balances.read#de".to_owned(), "Ihre Kontostände sehen".to_owned()),
            ]
            .into(),
            ..Resource::default()
        };
        let mut config = Config::development(&issuer, &path("data"), &path("keys"), vec![api]).unwrap();
        if options.state == State::Redis {
            config.state = countersign::config::StateUrl::Redis(redis::url());
        }
        (options.adjust)(&mut config);
        let clock = Clock::default();
        let (send, receive) = oneshot::channel();
        let told = clock.clone();
        let thread = thread::spawn(move || {
            // Built where it will run: a link to Redis belongs to the runtime it was made in.
            actix_web::rt::System::new().block_on(async move {
                let app = Arc::new(App::build(config, told).unwrap());
                let server = server::serve(&app, listeners, 2, options.extra).unwrap();
                assert!(send.send((app, server.handle())).is_ok(), "nobody waits for it");
                server.await.unwrap();
            });
        });
        let (app, handle) = receive.await.expect("the provider starts");
        let issuer = app.config.issuer.clone();
        let secrets = Mutex::new(vec![PASSWORD.to_owned()]);
        TestApp { app, issuer, clock, folder, secrets, requests: Arc::default(), handle, thread }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        url::Url::parse(&self.issuer).unwrap().port().unwrap()
    }

    /// An absolute address of this provider.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// A new browser that has never been here.
    pub fn browser(&self) -> Browser {
        Browser::new(Arc::clone(&self.requests))
    }

    /// Adds a person with [`PASSWORD`].
    pub async fn user(&self, login: &str) -> User {
        let claims = json!({ "name": format!("{login} Example"), "email": format!("{login}@example.com"),
            "email_verified": true, "roles": ["customer"] });
        self.user_with(login, claims).await
    }

    pub async fn user_with(&self, login: &str, claims: Value) -> User {
        let claims: Map<String, Value> = serde_json::from_value(claims).unwrap();
        let user = User { id: countersign::ids::new_sub(), login: login.into(), disabled: false, claims };
        let hash = Password::chosen(PASSWORD).unwrap().hash().unwrap();
        store::users::add(&self.app.db, user, Some(hash), TEST, self.clock.now()).await.unwrap().unwrap()
    }

    /// Registers a client; answers its id and secret.
    pub async fn client(&self, metadata: Value) -> (String, String) {
        let (id, secret) = (format!("client-{}", &Token::generate().expose()[..8]), Token::generate());
        self.keep_secret(secret.expose());
        let client = registered(&id, Some(secret.expose()), metadata);
        let mut client = Client { registered_at: self.clock.now(), ..client };
        if client.metadata.needs_secret_back() {
            let sealed = seal_secret(&self.app.keys.instance, &id, secret.expose());
            let kept = client.secrets.newest().unwrap().clone();
            client.secrets = Secrets::one(ClientSecret { sealed: Some(sealed), ..kept });
        }
        client.metadata.check(self.app.config.development).unwrap();
        assert!(store::clients::add(&self.app.db, &client, TEST, self.clock.now()).await.unwrap());
        (id, secret.expose().to_owned())
    }

    /// Remembers a text that must never appear in the log.
    pub fn keep_secret(&self, secret: &str) {
        self.secrets.lock().unwrap().push(secret.into());
    }

    /// Stops without looking at anything: as a part of a story, not its end.
    pub async fn stop(self) -> Arc<TempDir> {
        self.handle.stop(true).await;
        self.thread.join().unwrap();
        self.folder
    }

    /// Stops, and checks that nothing failed unexpectedly and no secret was written down.
    pub async fn finish(self) {
        let lines = log::of_requests(&self.requests.lock().unwrap());
        let errors: Vec<&String> = lines.iter().filter(|line| line.contains("ERROR")).collect();
        assert!(errors.is_empty(), "unexpected errors: {errors:#?}");
        log::assert_without(&self.secrets.lock().unwrap());
        self.stop().await;
    }
}

/// The redirect URI of every client that names no other.
pub const REDIRECT: &str = "http://127.0.0.1:9/callback";
