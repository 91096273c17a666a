//! Configuration: a file and the environment, typed and checked once. Unknown settings are refused.

use std::path::{Path, PathBuf};

use ipnet::IpNet;
use time::Duration;
use toml::Spanned;
use url::Url;

use crate::db;
use crate::keys::instance::{FILE, Given, Source};
use crate::keys::policy::KeyPolicy;
use crate::outbound::{Allowed, Authorities};
use crate::protocol::event::Keep;
use crate::protocol::lifetimes::Lifetimes;
use crate::protocol::registration::Offered;
use crate::protocol::resource::{Resource, Resources};
use crate::telemetry::log;

mod addresses; // the issuer, the listeners, what may be reached
mod audit; // how long events are kept
mod error; // why a configuration cannot be used
mod kubernetes; // variables that Kubernetes sets
mod lifetimes; // of sessions, codes and tokens
mod origin; // where settings were read from, in words
mod resources; // the resources that the file declares
mod settings; // the file and the environment
mod state_url; // where the state store is

pub use error::ConfigError;
pub use origin::origin;
pub use settings::Completion;
pub use state_url::StateUrl;

use addresses::{check_issuer, check_metrics, check_transport, default_listen, outbound_allow, tls_pair};
use error::refuse;
use settings::{Network, Settings};

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The issuer identifier, byte for byte as published.
    pub issuer: String,
    /// The origin of the issuer, to be compared with `Origin` headers.
    pub origin: String,
    /// The path of the issuer, `""` or `/path`: the prefix of all paths of the provider.
    pub base: String,
    /// Plain http on a loopback host: cookies have no prefix, and pages explain errors of clients.
    pub development: bool,
    /// Where to listen: host and port.
    pub listen: String,
    /// Certificate and key, when TLS is terminated here.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// The main database.
    pub database: db::Url,
    /// The state store.
    pub state: StateUrl,
    /// Where the SQLite files live.
    pub data_dir: PathBuf,
    /// Where the instance key comes from.
    pub instance_key: Source,
    /// The filter of the log, in the syntax of `tracing`.
    pub log: String,
    /// The format of a line of the log.
    pub log_format: log::Format,
    /// Where to serve metrics: host and port, never those of the public listener.
    pub metrics_listen: Option<String>,
    /// Proxies whose headers about scheme and client address are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// How an interaction that began with a form ends.
    pub completion: Completion,
    /// What may be fetched from beside the public network.
    pub outbound_allow: Vec<Allowed>,
    /// Certificate authorities that are trusted there beside the system's, and instead of them for Redis.
    pub outbound_ca: Authorities,
    /// The APIs that tokens are issued for, as far as the file declares them.
    pub resources: Resources,
    /// How long events are kept.
    pub keep_events: Keep,
    /// How long sessions, codes and tokens live.
    pub lifetimes: Lifetimes,
    /// How long signing keys live.
    pub keys: KeyPolicy,
    /// Variables with the prefix of this program that Kubernetes set; they are ignored.
    pub ignored_variables: Vec<String>,
}

impl Config {
    /// Reads the file (`named`, or by `COUNTERSIGN_CONFIG`, or `./countersign.toml` if it exists) and the environment,
    /// which takes precedence, and checks all settings.
    pub fn load(named: Option<&Path>) -> Result<Config, ConfigError> {
        let (settings, ignored_variables) = settings::read(named)?;
        Ok(Config { ignored_variables, ..Config::check(settings)? })
    }

    fn check(settings: Settings) -> Result<Config, ConfigError> {
        let issuer = settings.issuer.unwrap_or_else(|| "http://localhost:8080".into());
        let url = check_issuer(&issuer)?;
        let development = url.scheme() == "http";
        let listen = settings.listen.unwrap_or_else(|| default_listen(&url));
        let trusted_proxies: Vec<IpNet> =
            settings.trusted_proxies.unwrap_or_default().into_iter().map(|Network(proxy)| proxy).collect();
        let tls = tls_pair(settings.tls_cert, settings.tls_key)?;
        check_transport(&issuer, &listen, development, tls.is_some(), !trusted_proxies.is_empty())?;
        if let Some(metrics) = &settings.metrics_listen {
            check_metrics(metrics, &listen)?;
        }
        let data_dir = settings.data_dir.unwrap_or_else(|| "data".into());
        let database = database(settings.database_url, &data_dir)?;
        let keys_dir = settings.keys_dir.unwrap_or_else(|| "keys".into());
        let resources = resources::declared(settings.resource, &issuer, settings.keys.algorithms())?;
        let lifetimes = lifetimes::lifetimes(&settings.lifetimes)?;
        let longest = resources.iter().filter_map(Resource::lifetime);
        let longest = longest.fold(lifetimes.longest_token(), Duration::max);
        let keys =
            KeyPolicy::new(settings.keys, longest).map_err(|why| ConfigError(format!("[keys] {why}")))?;
        Ok(Config {
            origin: url.origin().ascii_serialization(),
            base: url.path().trim_end_matches('/').to_owned(),
            issuer,
            development,
            listen,
            tls,
            database: settings.outbound_ca_file.iter().fold(database, |url, roots| url.trusting(roots)),
            state: settings.state_url.map_or(Ok(StateUrl::Sql), StateUrl::parse)?,
            data_dir,
            instance_key: key_source(settings.instance_key, settings.instance_key_file, &keys_dir)?,
            log_format: settings.log_format.unwrap_or_default(),
            metrics_listen: settings.metrics_listen,
            log: settings.log.unwrap_or_else(|| "info,actix_server=warn".into()),
            trusted_proxies,
            completion: settings.completion.unwrap_or_default(),
            outbound_allow: outbound_allow(settings.outbound_allow, development)?,
            outbound_ca: outbound_ca(settings.outbound_ca_file)?,
            resources,
            keep_events: audit::keep(settings.audit)?,
            lifetimes,
            keys,
            ignored_variables: vec![],
        })
    }

    /// Tells whether the listen address is the one that the issuer names.
    pub fn listens_at_issuer(&self) -> bool {
        Url::parse(&self.issuer).is_ok_and(|issuer| default_listen(&issuer) == self.listen)
    }

    /// What this provider has for clients, with all its resources.
    pub fn offered(&self, resources: &Resources) -> Offered {
        Offered {
            scopes: resources.all_scopes().clone(),
            algorithms: self.keys.algorithms.clone(),
            development: self.development,
            accept_long_tokens: self.lifetimes.accept_long_tokens,
        }
    }

    /// A development configuration below one directory, for `countersign demo` and the tests.
    pub fn development(
        issuer: &str,
        data_dir: &Path,
        keys_dir: &Path,
        resources: Vec<Resource>,
    ) -> Result<Config, ConfigError> {
        Config::check(Settings {
            issuer: Some(issuer.into()),
            data_dir: Some(data_dir.into()),
            keys_dir: Some(keys_dir.into()),
            resource: resources.into_iter().map(|resource| Spanned::new(0..0, resource)).collect(),
            ..Settings::default()
        })
    }
}

fn database(url: Option<String>, data_dir: &Path) -> Result<db::Url, ConfigError> {
    match url {
        None => Ok(db::Url::Sqlite(data_dir.join("countersign.db"))),
        Some(text) => db::Url::parse(&text).map_err(|why| ConfigError(format!("database_url: {why}"))),
    }
}

fn outbound_ca(file: Option<PathBuf>) -> Result<Authorities, ConfigError> {
    let Some(file) = file else { return Ok(Authorities::default()) };
    let error = |why| ConfigError(format!("outbound_ca_file {}: {why}", file.display()));
    Authorities::read(&file).map_err(error)
}

fn key_source(key: Option<String>, file: Option<PathBuf>, keys_dir: &Path) -> Result<Source, ConfigError> {
    match (key, file) {
        (Some(_), Some(_)) => refuse("set instance_key or instance_key_file, not both"),
        (Some(key), None) => Ok(Source::Given(Given(key))),
        (None, Some(path)) => Ok(Source::File { path, may_create: false }),
        (None, None) => Ok(Source::File { path: keys_dir.join(FILE), may_create: true }),
    }
}
