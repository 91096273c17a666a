//! The provider: everything it is made of, opened once at start.

use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::Value;

use crate::client_keys::ClientKeys;
use crate::clock::Clock;
use crate::config::{Config, StateUrl};
use crate::connection::permits::Permits;
use crate::db::metrics::{StoreMetrics, set_connections, set_statements};
use crate::db::{Db, DbError, Durability, Url};
use crate::drain::Drain;
use crate::health::Health;
use crate::keys::KeyError;
use crate::keys::key_set::Keys;
use crate::keys::secrets::state_keys;
use crate::logos::Logos;
use crate::outbound::{Outbound, look_up};
use crate::password::{PasswordVerifier, QueueMetrics};
use crate::protocol::cookies::Names;
use crate::protocol::discovery::metadata;
use crate::protocol::resource::Resources;
use crate::published::Published;
use crate::state::kv::Kv;
use crate::state::{self, State, StateError};
use crate::store::clients::Clients;
use crate::store::events::Batch;
use crate::store::resources::Current;
use crate::store::{self, facts};
use crate::telemetry::process::Process;
use crate::telemetry::registry::Registry;
use crate::texts::Texts;
use crate::tls::Certificate;

/// A provider, ready to serve; shared by all of its workers.
pub struct App {
    /// Its configuration.
    pub config: Config,
    /// The names of its cookies.
    pub cookies: Names,
    /// The main store.
    pub db: Db,
    /// Events of sign-ins that wait to be written.
    pub events: Batch,
    /// The registered clients, from memory while they are fresh enough.
    pub clients: Clients,
    /// The resources in force.
    pub resources: Current,
    /// The public keys of the clients.
    pub client_keys: ClientKeys,
    /// The logos of the clients.
    pub logos: Logos,
    /// The drawers of the state store: sessions, codes, tickets, counters.
    pub state: State,
    /// The key-value store beneath the drawers.
    pub kv: Kv,
    /// The keys that seal and sign.
    pub keys: Keys,
    /// Checks people's passwords.
    pub passwords: PasswordVerifier,
    /// The discovery document as it is sent; replaced when its content changes.
    pub discovery: ArcSwap<Published>,
    /// Whether the process is about to end.
    pub drain: Drain,
    /// Permits for connections.
    pub permits: Permits,
    /// The readiness of this node.
    pub health: Health,
    /// The registry of metrics.
    pub registry: Registry,
    /// Metrics of the process.
    process: Process,
    /// The TLS certificate, if TLS ends in this process.
    pub certificate: Option<Certificate>,
    /// The clock.
    pub clock: Clock,
}

/// Why a provider cannot start; each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The main database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The state store.
    #[error(transparent)]
    State(#[from] StateError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
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
    /// Opens everything. Blocks, which is acceptable at start.
    pub fn build(config: Config, clock: Clock) -> Result<App, StartError> {
        let registry = Registry::new(config.metrics_listen.is_some());
        let certificate = match &config.tls {
            Some((cert, key)) => {
                let certificate = Certificate::open(cert, key, &registry);
                Some(certificate.map_err(StartError::Listen)?)
            }
            None => None,
        };
        // An unusable address is reported before anything is created.
        let redis = redis(&config)?;
        let db = open_store(&config)?.measured(StoreMetrics::new(&registry, "main"));
        let kv = redis.map_or_else(|| open_table(&config, &db), Ok)?;
        let kv = kv.measured(StoreMetrics::new(&registry, "state"));
        let keys = Keys::open(&db, &config.instance_key, &config.keys, clock.now())?;
        let outbound = Outbound::new(&config.outbound_allow, &config.outbound_ca, look_up);
        let resources = Current::open(&db, &config.resources)?;
        let outbound = Arc::new(outbound);
        Ok(App {
            discovery: ArcSwap::new(Arc::new(discovery(&config, &keys, &resources.load()))),
            resources,
            clients: Clients::new(db.clone()),
            events: Batch::new(db.clone()),
            client_keys: ClientKeys::new(Arc::clone(&outbound)),
            logos: Logos::new(db.clone(), outbound),
            state: State::new(&kv, keys.state.clone(), &config.lifetimes),
            passwords: PasswordVerifier::default().measured(QueueMetrics::new(&registry)),
            drain: Drain::default(),
            permits: Permits::default(),
            health: Health::default(),
            process: Process::new(&registry, clock.now()),
            registry,
            certificate,
            cookies: Names::new(&config.issuer, &config.base, config.development),
            config,
            db,
            kv,
            keys,
            clock,
        })
    }

    /// Updates the metrics that are read only when they are scraped.
    pub fn observe(&self) {
        // In PostgreSQL the state store shares the main database's connections.
        let state = match &self.kv {
            Kv::Sql(kv) if self.db.is_embedded() => kv.db().connections(),
            Kv::Sql(_) | Kv::Redis(_) => vec![],
        };
        set_connections(&self.registry, "main", &self.db.connections());
        set_connections(&self.registry, "state", &state);
        set_statements(&self.registry, "main", self.db.statements());
        if self.db.is_embedded() || matches!(self.kv, Kv::Redis(_)) {
            set_statements(&self.registry, "state", self.kv.asked());
        }
        self.events.tally().observe(&self.registry);
        self.keys.observe(&self.registry, self.clock.now());
        self.process.observe();
    }

    /// Takes the steps that are due for the signing keys, and updates the algorithms in the discovery
    /// document. Blocks for as long as making an RSA key takes.
    pub fn tend_keys(&self) -> Result<(), KeyError> {
        self.keys.rotate(&self.db, &self.clock)?;
        self.publish_discovery();
        Ok(())
    }

    /// Takes over what was changed of clients and resources since the last look. The resources come first: a client from
    /// memory is used only for some seconds after the last look, so that old resources are not used for longer either.
    pub async fn look_for_changes(&self) -> Result<(), DbError> {
        let seen = self.clients.look().await?;
        if seen.has_resources() {
            self.resources.read_again(&self.db).await?;
            self.publish_discovery();
        }
        self.clients.take(&seen);
        Ok(())
    }

    /// Replaces the discovery document if its content has changed.
    fn publish_discovery(&self) {
        let document = discovery(&self.config, &self.keys, &self.resources.load());
        if document.etag != self.discovery.load().etag {
            self.discovery.store(Arc::new(document));
        }
    }

    /// Refuses a database that `countersign demo` made: its passwords are no secrets.
    pub fn refuse_demo(&self) -> Result<(), StartError> {
        match self.db.read_now(|conn| facts::get(conn, "demo"))? {
            Some(_) => Err(StartError::Demo(self.db.shown_url())),
            None => Ok(()),
        }
    }
}

/// Spec: OpenID Connect Discovery §4.2
fn discovery(config: &Config, keys: &Keys, resources: &Resources) -> Published {
    let signing = keys.snapshot.load().algorithms();
    Published::new(
        Value::Object(metadata(&config.issuer, resources, &signing, &Texts::languages())).to_string(),
    )
}

/// Opens the main database and checks that this program is new enough for it.
pub fn open_store(config: &Config) -> Result<Db, StartError> {
    let db = Db::open(&config.database, Durability::Power, store::MIGRATIONS)?;
    facts::check_version(&db)?;
    store::names::carry_over(&db)?;
    Ok(db)
}

/// Opens the state store.
pub fn open_state(config: &Config, db: &Db) -> Result<Kv, StartError> {
    redis(config)?.map_or_else(|| open_table(config, db), Ok)
}

/// Opens the drawers of the state store for a program that is no node.
pub fn open_drawers(config: &Config, db: &Db) -> Result<State, StartError> {
    let keys = state_keys(db, &config.instance_key)?;
    Ok(State::new(&open_state(config, db)?, keys, &config.lifetimes))
}

/// The state store, if it is Redis. No command is sent yet.
pub fn redis(config: &Config) -> Result<Option<Kv>, StateError> {
    let StateUrl::Redis(url) = &config.state else { return Ok(None) };
    let roots = config.outbound_ca.pem().map(<[u8]>::to_vec);
    roots.map_or_else(|| Kv::redis(url), |roots| Kv::redis_trusting(url, roots)).map(Some)
}

/// Opens the table that is the state store where there is no Redis.
fn open_table(config: &Config, db: &Db) -> Result<Kv, StartError> {
    match &config.database {
        Url::Sqlite(_) => Ok(Kv::file(&config.data_dir.join("state.db"))?),
        Url::Postgres(_) => {
            db.migrate_now(state::MIGRATIONS)?;
            Ok(Kv::sql(db.clone()))
        }
    }
}
