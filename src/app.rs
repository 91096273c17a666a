//! Everything a running provider is made of: build → bind → run.

use std::net::{TcpListener, ToSocketAddrs};
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App as ActixApp, HttpServer, middleware};
use openssl::ssl::{SslAcceptor, SslAcceptorBuilder, SslFiletype, SslMethod};
use serde_json::Value;

use crate::clock::Clock;
use crate::config::{Config, StateUrl};
use crate::db::{Db, Durability, Url};
use crate::keys::KeyError;
use crate::keys::opened::Keys;
use crate::keys::policy::KeyPolicy;
use crate::password;
use crate::protocol::metadata::metadata;
use crate::routes;
use crate::state::kv::Kv;
use crate::state::{self, State};
use crate::store::clients::Clients;
use crate::store::{self, facts};
use crate::web::document::Document;
use crate::web::headers;

/// How long running requests get to finish after a signal to stop.
const DRAIN_SECONDS: u64 = 10;
/// The largest request body.
const LARGEST_BODY: usize = 64 * 1024;
/// How often what has expired is swept away.
const SWEEP_EVERY: std::time::Duration = std::time::Duration::from_secs(60);
/// How much one step of it takes at most.
pub const SWEEP_AT_ONCE: usize = 500;
/// How long it lets others write between two steps.
const SWEEP_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// A provider, ready to serve; shared by all its workers.
pub struct App {
    /// Its configuration.
    pub config: Config,
    /// What lasts.
    pub db: Db,
    /// Relying Parties, from memory where they are fresh enough.
    pub clients: Clients,
    /// What passes.
    pub state: State,
    /// The store beneath it.
    pub kv: Kv,
    /// Sealing and signing.
    pub keys: Keys,
    /// Checks people's passwords.
    pub passwords: password::Verifier,
    /// The discovery document, as it goes over the wire.
    pub discovery: Document,
    /// Tells the time.
    pub clock: Clock,
}

/// Why a provider cannot start; each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The main database.
    #[error(transparent)]
    Db(#[from] crate::db::DbError),
    /// The state store.
    #[error(transparent)]
    State(#[from] crate::state::StateError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The password hashing.
    #[error(transparent)]
    Password(#[from] password::HashingFailed),
    /// The database belongs to a demo.
    #[error(
        "{0} belongs to `countersign demo`, whose passwords are printed on a terminal: serve another one"
    )]
    Demo(String),
    /// The address to listen on, or TLS.
    #[error("{0}")]
    Listen(String),
}

impl App {
    /// Opens everything; blocks, which at start is right.
    pub fn build(config: Config, clock: Clock) -> Result<App, StartError> {
        let db = open_store(&config)?;
        let kv = open_state(&config, &db)?;
        let keys = Keys::open(&db, &config.instance_key, KeyPolicy::DEFAULT, clock.now())?;
        let discovery = Value::Object(metadata(&config.issuer, &config.resources)).to_string();
        Ok(App {
            discovery: Document::new(discovery.into_bytes()),
            clients: Clients::new(db.clone()),
            state: State::new(&kv),
            passwords: password::Verifier::new()?,
            config,
            db,
            kv,
            keys,
            clock,
        })
    }

    /// Refuses a database that `countersign demo` made: its passwords are no secrets.
    pub fn refuse_demo(&self) -> Result<(), StartError> {
        match self.db.read_now(|conn| facts::get(conn, "demo"))? {
            Some(_) => Err(StartError::Demo(self.db.shown_url())),
            None => Ok(()),
        }
    }

    /// Takes the configured addresses. Every address of the host must be free; one this machine does not
    /// have is passed over.
    pub fn bind(&self) -> Result<Vec<TcpListener>, StartError> {
        bind(&self.config.listen)
            .map_err(|why| StartError::Listen(format!("{why}; set COUNTERSIGN_LISTEN to another one")))
    }

    /// Starts serving on listeners taken before. `extra` adds routes, for tests.
    pub fn serve(
        self: Arc<Self>,
        listeners: Vec<TcpListener>,
        workers: usize,
        extra: fn(&mut ServiceConfig),
    ) -> Result<Server, StartError> {
        let app = web::Data::from(Arc::clone(&self));
        let mut server = HttpServer::new(move || {
            ActixApp::new()
                .app_data(app.clone())
                .app_data(web::PayloadConfig::new(LARGEST_BODY))
                .wrap(middleware::from_fn(headers::around))
                .configure(extra)
                .configure(|service| routes::configure(service, &app.config.base))
        })
        .workers(workers)
        // Whoever runs the program listens for signals: here an interrupt would cut running requests off.
        .disable_signals()
        .worker_max_blocking_threads(16)
        .client_request_timeout(std::time::Duration::from_secs(10))
        .shutdown_timeout(DRAIN_SECONDS);
        for listener in listeners {
            let taken = match &self.config.tls {
                None => server.listen(listener),
                Some(files) => server.listen_openssl(listener, acceptor(files)?),
            };
            server = taken.map_err(|error| StartError::Listen(error.to_string()))?;
        }
        let server = server.run();
        tokio::spawn(self.sweep());
        Ok(server)
    }

    /// Sweeps what has expired, a little at a time, for as long as the process lives.
    async fn sweep(self: Arc<Self>) {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            let now = self.clock.now();
            // A little at a time, so that nobody waits long for the writer; again until nothing is left.
            loop {
                let swept = match (self.kv.sweep(now).await, store::grants::sweep(&self.db, now).await) {
                    (Ok(values), Ok(grants)) => values.max(grants),
                    (values, grants) => {
                        let errors =
                            [values.err().map(|e| e.to_string()), grants.err().map(|e| e.to_string())];
                        tracing::warn!(?errors, "sweeping failed");
                        break;
                    }
                };
                if swept < SWEEP_AT_ONCE {
                    break;
                }
                tokio::time::sleep(SWEEP_PAUSE).await;
            }
        }
    }
}

/// Opens the main database and checks that this program is new enough for it.
pub fn open_store(config: &Config) -> Result<Db, StartError> {
    let db = Db::open(&config.database, Durability::Power, store::MIGRATIONS)?;
    facts::check_version(&db)?;
    Ok(db)
}

/// Opens the state store.
pub fn open_state(config: &Config, db: &Db) -> Result<Kv, StartError> {
    match (&config.state, &config.database) {
        (StateUrl::Redis(url), _) => Ok(Kv::redis(url)?),
        (StateUrl::Sql, Url::Sqlite(_)) => {
            let file = Url::Sqlite(config.data_dir.join("state.db"));
            Ok(Kv::sql(Db::open(&file, Durability::Process, state::MIGRATIONS)?))
        }
        (StateUrl::Sql, Url::Postgres(_)) => {
            db.migrate_now(state::MIGRATIONS)?;
            Ok(Kv::sql(db.clone()))
        }
    }
}

/// Listens on every address of `host:port`.
pub fn bind(listen: &str) -> Result<Vec<TcpListener>, String> {
    let addresses =
        listen.to_socket_addrs().map_err(|error| format!("{listen} cannot be resolved: {error}"))?;
    let mut listeners: Vec<TcpListener> = vec![];
    for mut address in addresses {
        // Port 0 means any free port, but the same one on every address.
        if let (0, Some(first)) = (address.port(), listeners.first()) {
            address.set_port(first.local_addr().map_or(0, |taken| taken.port()));
        }
        match TcpListener::bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrNotAvailable => (),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                return Err(format!("port {} at {} is already in use", address.port(), address.ip()));
            }
            Err(error) => return Err(format!("{address} cannot be listened on: {error}")),
        }
    }
    if listeners.is_empty() { Err(format!("{listen} is no address of this machine")) } else { Ok(listeners) }
}

/// Spec: RFC 9325 §3.1, §4.2
fn acceptor(
    (cert, key): &(std::path::PathBuf, std::path::PathBuf),
) -> Result<SslAcceptorBuilder, StartError> {
    let failed = |what: &std::path::Path, error: openssl::error::ErrorStack| {
        StartError::Listen(format!("{} cannot be used for TLS: {error}", what.display()))
    };
    let mut tls =
        SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).map_err(|error| failed(cert, error))?;
    tls.set_certificate_chain_file(cert).map_err(|error| failed(cert, error))?;
    tls.set_private_key_file(key, SslFiletype::PEM).map_err(|error| failed(key, error))?;
    tls.check_private_key().map_err(|error| failed(key, error))?;
    Ok(tls)
}
