//! The running demo: its addresses and its end.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use futures_util::future;
use tokio::task::JoinHandle;

use super::options::Options;
use super::terminal::Terminal;
use crate::app::App;
use crate::clock::Clock;
use crate::state::kv::Kv;

/// How often expired sessions are deleted.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// A demo that is running.
pub struct Running {
    /// The issuer: the provider's address.
    pub provider: String,
    /// The bank: the address to open first.
    pub bank: String,
    /// The retirement fund.
    pub fund: String,
    /// The API.
    pub api: String,
    /// The people who can sign in; the terminal recommends the first.
    pub people: Vec<Login>,
    /// The terminal, which can be signed in as a device.
    pub terminal: Terminal,
    app: Arc<App>,
    directories: (PathBuf, PathBuf),
    servers: Vec<JoinHandle<io::Result<()>>>,
    handles: Vec<ServerHandle>,
    sweeper: Option<JoinHandle<()>>,
}

/// The login name and password of a person. They are valid for this demo alone, so they may be printed.
#[derive(Clone)]
pub struct Login {
    /// The login name.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// The password.
    pub password: String,
    /// What this person demonstrates.
    pub what: &'static str,
}

impl Running {
    pub(super) fn new(
        options: &Options,
        app: &Arc<App>,
        people: Vec<Login>,
        terminal: Terminal,
        [provider, bank, fund, api]: [&String; 4],
    ) -> Running {
        Running {
            provider: provider.clone(),
            bank: bank.clone(),
            fund: fund.clone(),
            api: api.clone(),
            people,
            terminal,
            app: Arc::clone(app),
            directories: (options.data_dir.clone(), options.keys_dir.clone()),
            servers: vec![],
            handles: vec![],
            sweeper: None,
        }
    }

    pub(super) fn watch(&mut self, server: Server) {
        self.handles.push(server.handle());
        self.servers.push(tokio::spawn(server));
    }

    pub(super) fn sweep(&mut self, kv: Kv, clock: Clock) {
        self.sweeper = Some(tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP_EVERY).await;
                if let Err(error) = kv.sweep(clock.now()).await {
                    tracing::warn!(%error, "sweeping the sites' sessions failed");
                }
                if let Err(error) = kv.checkpoint().await {
                    tracing::warn!(%error, "no checkpoint of the sites' sessions could be made");
                }
            }
        }));
    }

    /// Waits until a server ends (`Ctrl-C`), then stops the others.
    pub async fn wait(mut self) -> io::Result<()> {
        let (first, _, rest) = future::select_all(std::mem::take(&mut self.servers)).await;
        self.servers = rest;
        self.stop().await;
        first.map_err(io::Error::other)?
    }

    /// Stops all servers; returns when the last request is answered.
    pub async fn stop(mut self) {
        future::join_all(self.handles.iter().map(|handle| handle.stop(true))).await;
        future::join_all(std::mem::take(&mut self.servers)).await;
        if let Some(sweeper) = self.sweeper.take() {
            sweeper.abort();
        }
        if let Err(error) = self.app.events.end(self.app.clock.now()).await {
            tracing::error!(%error, "events of sign-ins were lost");
        }
    }
}

/// The text for the terminal: the address to open, the people, and how to stop the demo.
pub fn announce(running: &Running) -> String {
    let wide = running.people.iter().map(|person| person.login.len()).max().unwrap_or_default();
    let mut people = String::new();
    for (position, Login { login, password, what, .. }) in running.people.iter().enumerate() {
        let label = if position == 0 { "Sign in as" } else { "or as" };
        people.extend([format!("  {label:<12}{login:<wide$}   {password}   {what}\n")]);
    }
    let Running { provider, bank, fund, api, directories: (data, keys), .. } = running;
    format!(
        "\n  Open        {bank}\n\n{people}\n  Afterwards  {fund}\n  Provider    {provider}\n  API         {api}\n\n  \
         Press Enter to sign this terminal in by code, as a device without a browser.\n\n  \
         Where the browser does not find these names, add this line to /etc/hosts:\n  \
         127.0.0.1 bank.localhost fund.localhost api.localhost\n\n  \
         Ctrl-C ends it; the next start finds the same people and sessions. Only this machine can\n  \
         reach it. To begin anew, delete {} and {}.\n",
        data.display(),
        keys.display()
    )
}
