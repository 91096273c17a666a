//! Fuzz targets. Each takes any bytes, does with them what the provider would do, and asserts what must hold
//! for all of them. `docs/FUZZING.md` says how they are run.

pub mod input; // parsing of inputs
pub mod provider; // a real provider in this process
pub mod targets; // one file a target

/// A target: returns, or panics because an assertion does not hold.
pub type Target = fn(&[u8]);

/// Every target, by the name of its corpus.
pub const TARGETS: [(&str, Target); 12] = [
    ("basic", targets::basic::run),
    ("config", targets::config::run),
    ("cookies", targets::cookies::run),
    ("forms", targets::forms::run),
    ("jwt", targets::jwt::run),
    ("metadata", targets::metadata::run),
    ("params", targets::params::run),
    ("redirect_uri", targets::redirect_uri::run),
    ("requests", targets::requests::run),
    ("resources", targets::resources::run),
    ("tickets", targets::tickets::run),
    ("verifier", targets::verifier::run),
];

/// The target with this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}
