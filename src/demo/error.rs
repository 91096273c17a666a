//! Why the demo cannot start, or a part of it fails.

use crate::app::StartError;
use crate::config::ConfigError;
use crate::db::DbError;

/// Why the demo cannot start; the text names the remedy.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A port is taken.
    #[error("{cause}; set {variable} to another port")]
    Port {
        /// The error of the system.
        cause: String,
        /// The environment variable to set.
        variable: &'static str,
    },
    /// The provider does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The ports give no valid configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The database belongs to a provider that is not a demo.
    #[error("{0} belongs to a provider that is no demo: name another data directory")]
    NotOurs(String),
    /// The file with the passwords.
    #[error("{0}")]
    Credentials(String),
    /// Any other cause.
    #[error("the demo cannot start: {0}")]
    Other(String),
}

pub(super) fn other(error: impl std::fmt::Display) -> DemoError {
    DemoError::Other(error.to_string())
}
