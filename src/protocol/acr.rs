//! Levels of authentication: what is asked for, and what a sign-in here reaches.

use crate::protocol::claims::ACR_SINGLE_FACTOR;

/// The levels a sign-in can reach, as discovery lists them.
pub const REACHABLE: [&str; 1] = [ACR_SINGLE_FACTOR];

/// The levels a Relying Party would have, the one it likes best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Any will do when there is none.
    pub any_of: Vec<String>,
    /// Whether nothing else will do.
    pub essential: bool,
}

impl Levels {
    /// Levels that are wished for, and no more.
    ///
    /// Spec: OpenID Connect Core §3.1.2.1 (`acr_values`)
    pub fn wished(any_of: impl IntoIterator<Item = impl Into<String>>) -> Levels {
        Levels { any_of: any_of.into_iter().map(Into::into).collect(), essential: false }
    }

    /// Tells whether an authentication that reached this level is one of those asked for.
    pub fn are_met_by(&self, acr: &str) -> bool {
        self.any_of.is_empty() || self.any_of.iter().any(|level| level == acr)
    }

    /// Tells whether signing in anew could reach one of them.
    pub fn are_reachable(&self) -> bool {
        REACHABLE.iter().any(|acr| self.are_met_by(acr))
    }
}
