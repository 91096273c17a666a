//! The address of the state store.

use std::fmt;

use url::Url;

use super::error::{ConfigError, refuse};

/// Where the state store is. Its `Debug` form contains no address.
#[derive(Clone, PartialEq, Eq)]
pub enum StateUrl {
    /// A table: in a second SQLite file, or in the same PostgreSQL database.
    Sql,
    /// `redis://…` or `rediss://…` with credentials; never displayed.
    Redis(String),
}

impl StateUrl {
    pub(super) fn parse(text: String) -> Result<StateUrl, ConfigError> {
        match text.as_str() {
            "sql" => Ok(StateUrl::Sql),
            url if url.contains("#insecure") => {
                refuse("state_url: a TLS connection without verification is no protection: remove #insecure")
            }
            url if url.starts_with("redis://") || url.starts_with("rediss://") => match Url::parse(url) {
                Ok(parsed) => check_redis(&parsed).map(|()| StateUrl::Redis(text)),
                Err(why) => refuse(format!(
                    "state_url cannot be read: {why} (in its password, write @ / ? # % as %40 %2F %3F %23 %25)"
                )),
            },
            _ => refuse("state_url must be sql, redis://… or rediss://…"),
        }
    }
}

impl fmt::Debug for StateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StateUrl::Sql => "Sql",
            StateUrl::Redis(_) => "Redis(…)",
        })
    }
}

/// Refuses a query: it is not read, so a database number in it would silently select another database.
fn check_redis(url: &Url) -> Result<(), ConfigError> {
    let Some(query) = url.query() else { return Ok(()) };
    let host = url.host_str().unwrap_or("host");
    let place = format!("{}://{host}:{}", url.scheme(), url.port().unwrap_or(6379));
    match url.query_pairs().find(|(name, _)| name == "db" || name == "database") {
        Some((name, database)) if database.parse::<u32>().is_ok() => refuse(format!(
            "state_url: the number of the database stands in the path, not in ?{name}=: write {place}/{database}"
        )),
        _ if query.is_empty() => Ok(()),
        _ => refuse(format!("state_url has a query (?…), and nothing in one is read: write {place}/NUMBER")),
    }
}
