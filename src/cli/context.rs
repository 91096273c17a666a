//! The context of every word: the configuration, the form of the answer, and the clock.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use anyhow::anyhow;
use time::OffsetDateTime;

use crate::app;
use crate::clock::{Clock, span};
use crate::config::{Config, ConfigError, origin};
use crate::db::{Db, DbError, Url};
use crate::keys::promise;
use crate::keys::secrets::vault;
use crate::operations::Operation;
use crate::operations::keys::Installation;
use crate::outbound::{Outbound, look_up};
use crate::protocol::registration::Offered;
use crate::protocol::resource::Resources;
use crate::store::events::{Actor, By};
use crate::store::resources;

/// The name of the operating system's user that runs this program; its number when it has none.
fn os_user() -> Option<String> {
    let id = fs::metadata("/proc/self").ok()?.uid().to_string();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().find_map(|line| {
        let mut parts = line.split(':');
        let (name, _, uid) = (parts.next()?, parts.next()?, parts.next()?);
        (uid == id).then(|| name.to_owned())
    });
    Some(named.unwrap_or(id))
}

/// The options before the word.
pub struct Context {
    named: Option<PathBuf>,
    /// Whether the answer is printed as JSON.
    pub json: bool,
    /// The clock.
    pub clock: Clock,
}

/// A configuration and its database.
pub struct Opened {
    /// The configuration.
    pub config: Config,
    /// The same database a running server uses.
    pub db: Db,
    /// Whether this command has made the database.
    pub is_new: bool,
}

impl Opened {
    /// An operation of the command line, whose events have no personal detail. Events name the operating system's
    /// user as the actor.
    pub fn operation(&self, now: OffsetDateTime) -> Operation<'_> {
        self.operation_by(Actor::Cli(os_user()).into(), now)
    }

    /// The same with keys to seal personal detail of its events. Without the instance key an event says that such detail
    /// was left out.
    pub fn sealing_operation(&self, now: OffsetDateTime) -> Operation<'_> {
        let by = By::from(Actor::Cli(os_user()));
        let by = match vault(&self.db, &self.config.instance_key) {
            Ok(Some(vault)) => by.sealing(&vault),
            Ok(None) => by,
            Err(error) => {
                tracing::warn!(%error, "personal detail is left out of the event");
                by
            }
        };
        self.operation_by(by, now)
    }

    fn operation_by(&self, by: By, now: OffsetDateTime) -> Operation<'_> {
        let operation =
            Operation::opening(&self.db, || Ok(app::open_drawers(&self.config, &self.db)?), by, now);
        let operation = operation.sealing(&self.config.instance_key);
        operation.fetching(Outbound::new(&self.config.outbound_allow, &self.config.outbound_ca, look_up))
    }

    /// All resources: those of the configuration file, and the rows beside them.
    pub async fn resources(&self) -> Result<Resources, DbError> {
        Ok(self.config.resources.and(resources::list(&self.db).await?))
    }

    /// What this provider has for clients.
    pub async fn offered(&self) -> Result<Offered, DbError> {
        Ok(self.config.offered(&self.resources().await?))
    }

    /// The longest lifetime of a token that was ever offered, in words.
    pub fn longest_token(&self) -> Result<String, DbError> {
        let policy = &self.config.keys;
        let longest = self.db.read_now(|conn| Ok(promise::read(conn, policy)?.longest_token(policy)))?;
        Ok(span(longest.whole_seconds()))
    }

    /// The instance key and the policy of signing keys.
    pub fn installation(&self) -> Installation<'_> {
        Installation { instance_key: &self.config.instance_key, policy: &self.config.keys }
    }
}

impl Context {
    /// A context with the options of all words.
    pub fn new(named: Option<PathBuf>, json: bool) -> Context {
        Context { named, json, clock: Clock::default() }
    }

    /// The present instant.
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// Whether a configuration file was named.
    pub fn names_a_file(&self) -> bool {
        self.named.is_some()
    }

    /// The option that makes another command use the same configuration.
    pub fn same_config(&self) -> String {
        self.named.as_ref().map(|path| format!(" --config {}", path.display())).unwrap_or_default()
    }

    /// Reads the configuration.
    pub fn config(&self) -> Result<Config, ConfigError> {
        Config::load(self.named.as_deref())
    }

    /// Opens the database. A missing one is made.
    pub fn open(&self) -> anyhow::Result<Opened> {
        let config = self.config()?;
        let is_new = !is_there(&config);
        let db = app::open_store(&config)?;
        Ok(Opened { config, db, is_new })
    }

    /// Opens the database if there is one. A command that only reads must not make an empty one.
    pub fn open_if_there(&self) -> anyhow::Result<Option<Opened>> {
        let config = self.config()?;
        if !is_there(&config) {
            return Ok(None);
        }
        let db = app::open_store(&config)?;
        Ok(Some(Opened { config, db, is_new: false }))
    }

    /// Opens the database, which has to exist, for words about an entry of it.
    pub fn open_existing(&self) -> anyhow::Result<Opened> {
        match self.open_if_there()? {
            Some(opened) => Ok(opened),
            None => Err(anyhow!(
                "there is no database at {}; {}",
                self.config()?.database.shown(),
                self.another_configuration()
            )),
        }
    }

    /// The database in which an entry was not found, and why it may be in another one.
    pub fn looked_in(&self, opened: &Opened) -> String {
        format!("looked for in {}; {}", opened.config.database.shown(), self.another_configuration())
    }

    /// The configuration that was read, for the case that a server runs with another one.
    fn another_configuration(&self) -> String {
        format!(
            "{}: is this the right directory, is --config missing, or the server's environment?",
            origin(self.named.as_deref())
        )
    }

    /// The warning about a new database: the entry may have been meant for the server's.
    pub fn of_a_new_one(&self, config: &Config) -> String {
        format!("\nThis made a new database, {}; {}\n", config.database.shown(), self.another_configuration())
    }
}

/// Whether the file of an embedded database exists; true for a database server.
pub fn is_there(config: &Config) -> bool {
    match &config.database {
        Url::Sqlite(path) => path.exists(),
        Url::Postgres(_) => true,
    }
}

/// The address of the discovery document.
pub fn discovery(issuer: &str) -> String {
    format!("{issuer}/.well-known/openid-configuration")
}
