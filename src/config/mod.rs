//! Configuration: a file and the environment, typed, checked once; what it does not know it refuses.

use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;
use url::Url;

use crate::db;
use crate::keys::instance::{FILE, Given, Source};
use crate::keys::policy::KeyPolicy;
use crate::outbound::{Allowed, Authorities};
use crate::protocol::claims::TOKEN_LIFETIME;
use crate::protocol::event::Keep;
use crate::protocol::redirect_uri::is_loopback;
use crate::protocol::resource::{Resource, Resources};
use crate::telemetry::log;

use settings::{Network, Settings};

pub use origin::origin;
pub use state_url::StateUrl;

mod audit; // how long events are kept
mod kubernetes; // variables that are none of ours
mod origin; // where they are read from, in words
mod settings; // what a file and the environment say
mod state_url; // where the state store is

/// How an interaction that began with a form ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Completion {
    /// A page that takes the browser on: the redirect chain is then no part of a form submission.
    #[default]
    Interstitial,
    /// A plain 303, for scripted browsers; pages then have no `form-action`.
    Redirect,
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The issuer identifier, byte for byte as published.
    pub issuer: String,
    /// Its origin, for comparing with `Origin` headers.
    pub origin: String,
    /// Its path, `""` or `/path`: where all our addresses begin.
    pub base: String,
    /// Plain http on a loopback host: cookies without prefix, mismatches explained on the page.
    pub development: bool,
    /// Where to listen: host and port.
    pub listen: String,
    /// Certificate and key, when TLS ends here.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// The main database.
    pub database: db::Url,
    /// The state store.
    pub state: StateUrl,
    /// Where the SQLite files live.
    pub data_dir: PathBuf,
    /// Where the instance key comes from.
    pub instance_key: Source,
    /// What to log, in the syntax of `tracing`.
    pub log: String,
    /// How a line of the log is written.
    pub log_format: log::Format,
    /// Where to show metrics: host and port, never those for the public.
    pub metrics_listen: Option<String>,
    /// Proxies whose word about scheme and client address is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// How an interaction ends.
    pub completion: Completion,
    /// What may be fetched from beside the public network.
    pub outbound_allow: Vec<Allowed>,
    /// Whose certificates are accepted there beside the system's, and of Redis in place of them.
    pub outbound_ca: Authorities,
    /// The APIs that tokens are issued for.
    pub resources: Resources,
    /// How long events are kept.
    pub keep_events: Keep,
    /// How long signing keys live.
    pub keys: KeyPolicy,
    /// Variables of the environment that begin as ours do and are Kubernetes' own.
    pub passed_over: Vec<String>,
}

/// A configuration that cannot be used; says which setting and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl Config {
    /// Reads the file (named, or by `COUNTERSIGN_CONFIG`, or `./countersign.toml` if it exists), lets the
    /// environment have the last word, and checks everything.
    pub fn load(named: Option<&Path>) -> Result<Config, ConfigError> {
        let (settings, passed_over) = settings::read(named)?;
        Ok(Config { passed_over, ..Config::check(settings)? })
    }

    fn check(settings: Settings) -> Result<Config, ConfigError> {
        let issuer = settings.issuer.unwrap_or_else(|| "http://localhost:8080".into());
        let url = check_issuer(&issuer)?;
        let development = url.scheme() == "http";
        let listen = settings.listen.unwrap_or_else(|| default_listen(&url));
        let trusted_proxies: Vec<IpNet> =
            settings.trusted_proxies.unwrap_or_default().into_iter().map(|Network(proxy)| proxy).collect();
        let tls = match (settings.tls_cert, settings.tls_key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((cert, key)),
            _ => return refuse("tls_cert and tls_key belong together: set both or neither"),
        };
        if development {
            check_plain(&issuer, &listen, tls.is_some())?;
        } else if tls.is_none() && trusted_proxies.is_empty() {
            return refuse(format!(
                "issuer {issuer:?} is https but nothing here speaks TLS: set tls_cert and tls_key, or name the proxy \
                 that does in trusted_proxies (such as [\"127.0.0.1\"])"
            ));
        }
        if let Some(metrics) = &settings.metrics_listen {
            check_metrics(metrics, &listen)?;
        }
        let data_dir = settings.data_dir.unwrap_or_else(|| "data".into());
        let database = match settings.database_url {
            None => db::Url::Sqlite(data_dir.join("countersign.db")),
            Some(text) => db::Url::parse(&text).map_err(|why| ConfigError(format!("database_url: {why}")))?,
        };
        let database = settings.outbound_ca_file.iter().fold(database, |url, roots| url.trusting(roots));
        let keys_dir = settings.keys_dir.unwrap_or_else(|| "keys".into());
        let resources = Resources::new(settings.resource).map_err(ConfigError)?;
        if resources.find(&issuer).is_some() {
            return refuse("the issuer itself cannot be a [[resource]]");
        }
        Ok(Config {
            origin: url.origin().ascii_serialization(),
            base: url.path().trim_end_matches('/').to_owned(),
            issuer,
            development,
            listen,
            tls,
            database,
            state: settings.state_url.map_or(Ok(StateUrl::Sql), StateUrl::parse)?,
            data_dir,
            instance_key: key_source(settings.instance_key, settings.instance_key_file, &keys_dir)?,
            log_format: settings.log_format.unwrap_or_default(),
            metrics_listen: settings.metrics_listen,
            log: settings.log.unwrap_or_else(|| "info,actix_server=warn".into()),
            trusted_proxies,
            completion: settings.completion.unwrap_or_default(),
            outbound_allow: outbound_allow(settings.outbound_allow, development)?,
            outbound_ca: match settings.outbound_ca_file {
                None => Authorities::default(),
                Some(file) => Authorities::read(&file)
                    .map_err(|why| ConfigError(format!("outbound_ca_file {}: {why}", file.display())))?,
            },
            resources,
            keep_events: audit::keep(settings.audit)?,
            keys: KeyPolicy::new(settings.keys, TOKEN_LIFETIME)
                .map_err(|why| ConfigError(format!("[keys] {why}")))?,
            passed_over: vec![],
        })
    }

    /// Tells whether the address to listen on follows from the issuer.
    pub fn listens_at_issuer(&self) -> bool {
        Url::parse(&self.issuer).is_ok_and(|issuer| default_listen(&issuer) == self.listen)
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
            resource: resources,
            ..Settings::default()
        })
    }
}

fn refuse<T>(why: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError(why.into()))
}

/// Spec: OpenID Connect Discovery §3 (`issuer`), RFC 8414 §2
fn check_issuer(issuer: &str) -> Result<Url, ConfigError> {
    let error = |text: &str| ConfigError(format!("issuer {issuer:?} {text}"));
    let url = Url::parse(issuer).map_err(|_not_a_url| error("is not an absolute URL"))?;
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(error("must have no query, fragment, user name or password"));
    }
    if issuer.ends_with('/') {
        return Err(error("must not end with a slash: two spellings of one issuer would break clients"));
    }
    if url.as_str().trim_end_matches('/') != issuer {
        return Err(error(&format!(
            "is not in its normal form: write {}",
            url.as_str().trim_end_matches('/')
        )));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) => Ok(url),
        _ => Err(error("must be https (plain http is for localhost, 127.0.0.1 and [::1] only)")),
    }
}

fn default_listen(issuer: &Url) -> String {
    let port = issuer.port_or_known_default().unwrap_or(8080);
    match (issuer.scheme(), issuer.host_str()) {
        ("http", Some(host)) => format!("{host}:{port}"),
        _ => "127.0.0.1:8080".into(),
    }
}

/// Plain http is for this machine alone.
fn check_plain(issuer: &str, listen: &str, has_tls: bool) -> Result<(), ConfigError> {
    if !Url::parse(&format!("http://{listen}")).is_ok_and(|url| is_loopback(&url)) {
        return refuse(format!(
            "listen = {listen:?} is open to other machines, but issuer {issuer:?} is plain http, which is for \
             this machine alone: use an https issuer, or listen on localhost"
        ));
    }
    if has_tls {
        return refuse(format!("tls_cert is set, so issuer {issuer:?} must begin with https://"));
    }
    Ok(())
}

/// Numbers are nobody's business but the operator's: they are on a listener of their own.
fn check_metrics(metrics: &str, listen: &str) -> Result<(), ConfigError> {
    let parts = |address: &str| {
        let (host, port) = address.rsplit_once(':')?;
        Some((host.to_owned(), port.parse::<u16>().ok()?))
    };
    let (Some((host, port)), Some((public, public_port))) = (parts(metrics), parts(listen)) else {
        return refuse(format!(
            "metrics_listen = {metrics:?} must be an address and a port, such as 127.0.0.1:9464"
        ));
    };
    let everywhere = |host: &str| matches!(host, "0.0.0.0" | "[::]");
    if port == public_port && port != 0 && (host == public || everywhere(&host) || everywhere(&public)) {
        return refuse(format!(
            "metrics_listen = {metrics:?} is where the public is served (listen = {listen:?}): give metrics another port"
        ));
    }
    Ok(())
}

/// In development everything runs on this machine, so that is what may be fetched from.
fn outbound_allow(said: Option<Vec<String>>, development: bool) -> Result<Vec<Allowed>, ConfigError> {
    let here = || if development { vec!["127.0.0.0/8".into(), "::1/128".into()] } else { vec![] };
    let said = said.unwrap_or_else(here);
    let read = |text: String| {
        let wrong = || {
            ConfigError(format!(
                "outbound_allow: {text:?} is neither a network such as 10.0.0.0/8 nor a service such as intranet.example:443"
            ))
        };
        Allowed::parse(&text).ok_or_else(wrong)
    };
    said.into_iter().map(read).collect()
}

fn key_source(key: Option<String>, file: Option<PathBuf>, keys_dir: &Path) -> Result<Source, ConfigError> {
    match (key, file) {
        (Some(_), Some(_)) => refuse("set instance_key or instance_key_file, not both"),
        (Some(key), None) => Ok(Source::Given(Given(key))),
        (None, Some(path)) => Ok(Source::File { path, may_create: false }),
        (None, None) => Ok(Source::File { path: keys_dir.join(FILE), may_create: true }),
    }
}
