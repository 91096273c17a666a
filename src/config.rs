//! Configuration: a file and the environment, typed, checked once; what it does not know it refuses.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;
use url::Url;

use crate::db;
use crate::keys::instance::{FILE, Given, Source};
use crate::protocol::redirect_uri::is_loopback;
use crate::protocol::resource::{Resource, Resources};

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

/// Where the state store is; its `Debug` form shows no address.
#[derive(Clone, PartialEq, Eq)]
pub enum StateUrl {
    /// A table: in a second SQLite file, or in the same PostgreSQL database.
    Sql,
    /// `redis://…` or `rediss://…`, with its credentials: never shown whole.
    Redis(String),
}

impl fmt::Debug for StateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StateUrl::Sql => "Sql",
            StateUrl::Redis(_) => "Redis(…)",
        })
    }
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
    /// Proxies whose word about scheme and client address is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// How an interaction ends.
    pub completion: Completion,
    /// The APIs that tokens are issued for.
    pub resources: Resources,
}

/// `countersign.toml`; each simple member is also an environment variable `COUNTERSIGN_…`, which wins.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    issuer: Option<String>,
    listen: Option<String>,
    database_url: Option<String>,
    state_url: Option<String>,
    data_dir: Option<PathBuf>,
    keys_dir: Option<PathBuf>,
    instance_key: Option<String>,
    #[expect(clippy::struct_field_names, reason = "the setting is called so")]
    instance_key_file: Option<PathBuf>,
    log: Option<String>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    trusted_proxies: Option<Vec<IpNet>>,
    completion: Option<Completion>,
    resource: Vec<Resource>,
}

/// A configuration that cannot be used; says which setting and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// The environment variables that exist, without their prefix.
const VARIABLES: [&str; 18] = [
    "CONFIG", "ISSUER", "LISTEN", "DATABASE_URL", "STATE_URL", "DATA_DIR", "KEYS_DIR", "INSTANCE_KEY",
    "INSTANCE_KEY_FILE", "LOG", "TLS_CERT", "TLS_KEY", "TRUSTED_PROXIES", "COMPLETION",
    // These are read by the command line, for the demo.
    "DEMO_PORT", "DEMO_BANK_PORT", "DEMO_FUND_PORT", "DEMO_API_PORT",
];

impl Config {
    /// Reads the file (named, or by `COUNTERSIGN_CONFIG`, or `./countersign.toml` if it exists), lets the
    /// environment have the last word, and checks everything.
    pub fn load(named: Option<&Path>) -> Result<Config, ConfigError> {
        Config::load_from(named, &Environment::of_process()?)
    }

    fn load_from(named: Option<&Path>, environment: &Environment) -> Result<Config, ConfigError> {
        let default = Path::new("countersign.toml");
        let named = named.map(Path::to_path_buf).or_else(|| environment.get("CONFIG").map(PathBuf::from));
        let path = named.or_else(|| default.exists().then(|| default.to_path_buf()));
        let mut file = match &path {
            None => File::default(),
            Some(path) => {
                let shown = path.display();
                let text =
                    fs::read_to_string(path).map_err(|error| ConfigError(format!("{shown}: {error}")))?;
                toml::from_str(&text).map_err(|error| ConfigError(format!("{shown}{}", misread(&text, &error))))?
            }
        };
        environment.overlay(&mut file)?;
        Config::check(file)
    }

    fn check(file: File) -> Result<Config, ConfigError> {
        let error = |text: String| Err(ConfigError(text));
        let issuer = file.issuer.unwrap_or_else(|| "http://localhost:8080".into());
        let url = check_issuer(&issuer)?;
        let tls = match (file.tls_cert, file.tls_key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((cert, key)),
            _ => return error("tls_cert and tls_key belong together: set both or neither".into()),
        };
        let listen = file.listen.unwrap_or_else(|| default_listen(&url));
        let development = url.scheme() == "http";
        let trusted_proxies = file.trusted_proxies.unwrap_or_default();
        if development && !listens_on_loopback(&listen) {
            return error(format!(
                "listen = {listen:?} is open to other machines, but issuer {issuer:?} is plain http, which is for \
                 this machine alone: use an https issuer, or listen on localhost"
            ));
        }
        if development && tls.is_some() {
            return error(format!("tls_cert is set, so issuer {issuer:?} must begin with https://"));
        }
        if !development && tls.is_none() && trusted_proxies.is_empty() {
            return error(format!(
                "issuer {issuer:?} is https but nothing here speaks TLS: set tls_cert and tls_key, or name the proxy \
                 that does in trusted_proxies (such as [\"127.0.0.1/32\"])"
            ));
        }
        let data_dir = file.data_dir.unwrap_or_else(|| "data".into());
        let database = match file.database_url {
            None => db::Url::Sqlite(data_dir.join("countersign.db")),
            Some(text) => db::Url::parse(&text).map_err(|why| ConfigError(format!("database_url: {why}")))?,
        };
        let state = match file.state_url.as_deref() {
            None | Some("sql") => StateUrl::Sql,
            Some(text) if text.contains("#insecure") => {
                return error(
                    "state_url: a TLS connection without verification is no protection: remove #insecure"
                        .into(),
                );
            }
            Some(text) if text.starts_with("redis://") || text.starts_with("rediss://") => {
                StateUrl::Redis(text.into())
            }
            Some(_) => return error("state_url must be sql, redis://… or rediss://…".into()),
        };
        let keys_dir = file.keys_dir.unwrap_or_else(|| "keys".into());
        let instance_key = match (file.instance_key, file.instance_key_file) {
            (Some(_), Some(_)) => return error("set instance_key or instance_key_file, not both".into()),
            (Some(key), None) => Source::Given(Given(key)),
            (None, Some(path)) => Source::File { path, may_create: false },
            (None, None) => Source::File { path: keys_dir.join(FILE), may_create: true },
        };
        let resources = Resources::new(file.resource).map_err(ConfigError)?;
        if resources.find(&issuer).is_some() {
            return error("the issuer itself cannot be a [[resource]]".into());
        }
        Ok(Config {
            origin: url.origin().ascii_serialization(),
            base: url.path().trim_end_matches('/').to_owned(),
            issuer,
            development,
            listen,
            tls,
            database,
            state,
            data_dir,
            instance_key,
            log: file.log.unwrap_or_else(|| "info,actix_server=warn".into()),
            trusted_proxies,
            completion: file.completion.unwrap_or_default(),
            resources,
        })
    }

    /// A development configuration below one directory, for `countersign demo` and the tests.
    pub fn development(
        issuer: &str,
        data_dir: &Path,
        keys_dir: &Path,
        resources: Vec<Resource>,
    ) -> Result<Config, ConfigError> {
        Config::check(File {
            issuer: Some(issuer.into()),
            data_dir: Some(data_dir.into()),
            keys_dir: Some(keys_dir.into()),
            resource: resources,
            ..File::default()
        })
    }
}

/// Where in the file, and what; without the value that stands there, which may be a secret.
fn misread(text: &str, error: &toml::de::Error) -> String {
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return format!(": {}", error.message());
    };
    let line = before.matches('\n').count();
    let name = text.lines().nth(line).and_then(|line| line.split_once('=')).map(|(name, _)| name.trim());
    let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
    format!(", line {}{name}: {}", line + 1, error.message())
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

fn listens_on_loopback(listen: &str) -> bool {
    Url::parse(&format!("http://{listen}")).is_ok_and(|url| is_loopback(&url))
}

/// The `COUNTERSIGN_…` variables.
struct Environment(Vec<(String, String)>);

impl Environment {
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
    fn of_process() -> Result<Environment, ConfigError> {
        let mut found = vec![];
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().and_then(|name| name.strip_prefix("COUNTERSIGN_")) else {
                continue;
            };
            if !VARIABLES.contains(&name) {
                return Err(ConfigError(format!("COUNTERSIGN_{name} is no setting of this program")));
            }
            let value = value.into_string();
            let value = value.map_err(|_bytes| ConfigError(format!("COUNTERSIGN_{name} is not UTF-8")))?;
            if !value.is_empty() {
                found.push((name.to_owned(), value));
            }
        }
        Ok(Environment(found))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn overlay(&self, file: &mut File) -> Result<(), ConfigError> {
        let text = |name: &str, member: &mut Option<String>| {
            if let Some(value) = self.get(name) {
                *member = Some(value.into());
            }
        };
        let path = |name: &str, member: &mut Option<PathBuf>| {
            if let Some(value) = self.get(name) {
                *member = Some(value.into());
            }
        };
        text("ISSUER", &mut file.issuer);
        text("LISTEN", &mut file.listen);
        text("DATABASE_URL", &mut file.database_url);
        text("STATE_URL", &mut file.state_url);
        text("INSTANCE_KEY", &mut file.instance_key);
        text("LOG", &mut file.log);
        path("DATA_DIR", &mut file.data_dir);
        path("KEYS_DIR", &mut file.keys_dir);
        path("INSTANCE_KEY_FILE", &mut file.instance_key_file);
        path("TLS_CERT", &mut file.tls_cert);
        path("TLS_KEY", &mut file.tls_key);
        if let Some(value) = self.get("TRUSTED_PROXIES") {
            let proxies: Result<Vec<IpNet>, _> = value.split(',').map(|proxy| proxy.trim().parse()).collect();
            let wrong = |error| ConfigError(format!("COUNTERSIGN_TRUSTED_PROXIES: {error}"));
            file.trusted_proxies = Some(proxies.map_err(wrong)?);
        }
        if let Some(value) = self.get("COMPLETION") {
            file.completion = Some(match value {
                "interstitial" => Completion::Interstitial,
                "redirect" => Completion::Redirect,
                _ => {
                    return Err(ConfigError(
                        "COUNTERSIGN_COMPLETION must be interstitial or redirect".into(),
                    ));
                }
            });
        }
        Ok(())
    }
}
