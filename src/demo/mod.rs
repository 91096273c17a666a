//! `countersign demo`: the provider with a demo person, and the classic example of one company with
//! several sites: a bank, a retirement fund, and the API that both of them call. Each is an origin of its
//! own, and the sites are Relying Parties like any other: they know nothing that did not come over HTTP.

mod api; // the protected resource, which checks tokens by itself
mod clients; // the two sites as the provider knows them
mod pages; // what each page of the sites shows
mod people; // who can sign in, and the passwords that are printed
mod running; // what is running: its addresses, and how it ends
mod site; // a Relying Party, twice
mod words; // instants as people say them

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use crate::app::{App, StartError};
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::db::{Db, DbError};
use crate::server;
use crate::state::kv::Kv;
use crate::store::events::Actor;
use crate::store::{self, facts};

pub use running::{Login, Running, announce};

use site::Kind;

/// The demo as the actor of what it sets up.
const DEMO: Actor = Actor::System(Some("demo"));

/// Where the demo keeps its things, and where it listens.
#[derive(Clone)]
pub struct Options {
    /// For the databases and the printed passwords.
    pub data_dir: PathBuf,
    /// For the instance key.
    pub keys_dir: PathBuf,
    /// The port of each of the four.
    pub ports: Ports,
    /// Tells the time.
    pub clock: Clock,
}

/// The four ports; 0 means any free one.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// The provider, on `localhost`.
    pub provider: u16,
    /// The bank, on `bank.localhost`.
    pub bank: u16,
    /// The retirement fund, on `fund.localhost`.
    pub fund: u16,
    /// The API, on `api.localhost`.
    pub api: u16,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            data_dir: "data/demo".into(),
            keys_dir: "keys/demo".into(),
            ports: Ports { provider: 8080, bank: 8081, fund: 8082, api: 8083 },
            clock: Clock::default(),
        }
    }
}

/// Why the demo cannot start; each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A port is taken.
    #[error("{cause}; set {variable} to another port")]
    Port {
        /// What the system said.
        cause: String,
        /// The environment variable to set.
        variable: &'static str,
    },
    /// The provider does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The ports make no sensible configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The database is somebody's real one.
    #[error("{0} belongs to a provider that is no demo: name another data directory")]
    NotOurs(String),
    /// The file with the printed passwords.
    #[error("{0}")]
    Kept(String),
    /// Anything else on the way.
    #[error("the demo cannot start: {0}")]
    Other(String),
}

/// The listeners of one origin and its address.
struct Taken {
    listeners: Vec<TcpListener>,
    origin: String,
}

/// Takes all four addresses, then starts everything on them; returns while it is running.
pub async fn start(options: Options) -> Result<Running, DemoError> {
    let ports = options.ports;
    let provider = take("localhost", ports.provider, "COUNTERSIGN_DEMO_PORT")?;
    let bank = take("bank.localhost", ports.bank, "COUNTERSIGN_DEMO_BANK_PORT")?;
    let fund = take("fund.localhost", ports.fund, "COUNTERSIGN_DEMO_FUND_PORT")?;
    let api = take("api.localhost", ports.api, "COUNTERSIGN_DEMO_API_PORT")?;

    let resources = vec![api::resource(&api.origin)];
    let config = Config::development(&provider.origin, &options.data_dir, &options.keys_dir, resources)?;
    let app = Arc::new(App::build(config, options.clock.clone())?);
    mark(&app.db).await?;
    let now = options.clock.now();
    let kept = people::Kept::open(&options.data_dir)?;
    let people = people::ensure(&app, &kept, now).await?;
    clients::ensure(&app.db, Kind::Bank, &bank.origin, &kept.bank_secret, now).await?;
    clients::ensure(&app.db, Kind::Fund, &fund.origin, &kept.fund_secret, now).await?;

    let kv = Kv::file(&options.data_dir.join("sites.db"))?;
    let http = outbound()?;
    let world = |kind, origin: &Taken, other: &Taken, secret: &str| site::World {
        kind,
        origin: origin.origin.clone(),
        other: other.origin.clone(),
        api: api.origin.clone(),
        secret: secret.to_owned(),
        app: Arc::clone(&app),
        kv: kv.clone(),
        http: http.clone(),
    };
    let bank_site = site::Site::new(world(Kind::Bank, &bank, &fund, &kept.bank_secret))?;
    let fund_site = site::Site::new(world(Kind::Fund, &fund, &bank, &kept.fund_secret))?;
    let balances = api::Api::new(&app, &api.origin, [&bank.origin, &fund.origin], http.clone())?;

    let mut running =
        Running::new(&options, &app, people, [&provider.origin, &bank.origin, &fund.origin, &api.origin]);
    running.sweep(kv, options.clock);
    running.watch(server::serve(&app, provider.listeners, 2, |_| ())?);
    running.watch(site::serve(bank_site, bank.listeners).map_err(other)?);
    running.watch(site::serve(fund_site, fund.listeners).map_err(other)?);
    running.watch(api::serve(balances, api.listeners).map_err(other)?);
    Ok(running)
}

fn other(error: impl std::fmt::Display) -> DemoError {
    DemoError::Other(error.to_string())
}

/// Listens on this machine alone. All names below `localhost` lead here; the browser tells them apart.
fn take(host: &str, port: u16, variable: &'static str) -> Result<Taken, DemoError> {
    let listeners =
        server::bind(&format!("localhost:{port}")).map_err(|cause| DemoError::Port { cause, variable })?;
    let port =
        listeners.first().and_then(|listener| listener.local_addr().ok()).map_or(port, |taken| taken.port());
    Ok(Taken { listeners, origin: format!("http://{host}:{port}") })
}

/// Marks the database as a demo's, so that `serve` refuses it; refuses one that is somebody's real one.
async fn mark(db: &Db) -> Result<(), DemoError> {
    if db.read(|conn| facts::get(conn, "demo")).await?.is_some() {
        return Ok(());
    }
    if store::users::any(db).await? || store::clients::any(db).await? {
        return Err(DemoError::NotOurs(db.shown_url()));
    }
    Ok(db.write(|conn| facts::set(conn, "demo", "yes")).await?)
}

/// The HTTP client of the sites and the API. Not every system's resolver knows the names below `localhost`
/// that every browser knows, and no proxy is the way to this very machine.
fn outbound() -> Result<reqwest::Client, DemoError> {
    let here = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .resolve("localhost", here)
        .resolve("api.localhost", here)
        .connect_timeout(std::time::Duration::from_secs(2))
        .timeout(std::time::Duration::from_secs(10))
        .build()
        .map_err(other)
}
