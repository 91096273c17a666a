//! The promise to those who cache our key set.

use time::Duration;

/// One value feeds both the `max-age` of the key set and the planning of key changes, so that the two
/// cannot disagree.
#[derive(Clone, Copy, Debug)]
pub struct KeyPolicy {
    /// How long anybody may cache the key set.
    pub jwks_max_age: Duration,
}

impl KeyPolicy {
    /// Ten minutes.
    pub const DEFAULT: KeyPolicy = KeyPolicy { jwks_max_age: Duration::minutes(10) };
}
