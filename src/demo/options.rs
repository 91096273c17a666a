//! Options of the demo.

use std::path::PathBuf;

use crate::clock::Clock;

/// Where the demo stores its files and where it listens.
#[derive(Clone)]
pub struct Options {
    /// For the databases and the printed passwords.
    pub data_dir: PathBuf,
    /// For the instance key.
    pub keys_dir: PathBuf,
    /// The ports.
    pub ports: Ports,
    /// The clock.
    pub clock: Clock,
}

/// The ports of the four servers; 0 stands for any free port.
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
