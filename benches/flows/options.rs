//! The command line of the benchmark.

use std::path::PathBuf;

use crate::provider::Stores;

/// What is measured.
pub enum What {
    /// Every figure, as a table.
    Table,
    /// Two builds by turns; the path of the other one.
    Against(PathBuf),
    /// Statements and instructions per operation; of another build as well if one is named.
    Count(Option<PathBuf>),
    /// Only what a key rotation costs.
    Rotation,
    /// No measurement: load for a profiler.
    Load(Stores),
    /// No measurement: the server that the HTTP floor is taken from.
    Bare(u16),
}

/// The parsed command line.
pub struct Options {
    pub what: What,
    /// Where to write the figures as JSON.
    pub json: Option<PathBuf>,
    /// The divisor of the number of operations.
    pub scale: usize,
    /// The program that is measured.
    pub program: PathBuf,
}

impl Options {
    pub fn of(arguments: impl Iterator<Item = String>) -> Options {
        let arguments: Vec<String> = arguments.collect();
        let has = |name: &str| arguments.iter().any(|argument| argument == name);
        let after = |name: &str| {
            let at = arguments.iter().position(|argument| argument == name)?;
            Some(arguments.get(at + 1).unwrap_or_else(|| panic!("{name} needs a value")).clone())
        };
        let other = after("--against").map(|path| {
            let found = PathBuf::from(&path).canonicalize();
            found.unwrap_or_else(|error| panic!("--against {path}: {error}"))
        });
        let what = if let Some(port) = after("--bare") {
            What::Bare(port.parse().expect("--bare needs a port"))
        } else if let Some(stores) = after("--load") {
            What::Load(if stores == "servers" { Stores::Servers } else { Stores::Embedded })
        } else if has("--rotation") {
            What::Rotation
        } else if has("--count") {
            What::Count(other)
        } else if let Some(other) = other {
            What::Against(other)
        } else {
            What::Table
        };
        Options {
            what,
            json: after("--json").map(PathBuf::from),
            scale: if has("--quick") { 10 } else { 1 },
            program: Options::own_program(),
        }
    }

    /// The program of this build.
    pub fn own_program() -> PathBuf {
        PathBuf::from(env!("CARGO_BIN_EXE_countersign"))
    }
}
