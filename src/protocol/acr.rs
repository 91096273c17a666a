//! Levels of authentication (`acr`): those that a request asks for, and those that a sign-in here reaches.

use crate::protocol::claims::ACR_SINGLE_FACTOR;

/// The levels a sign-in can reach, as discovery lists them.
pub const REACHABLE: [&str; 1] = [ACR_SINGLE_FACTOR];

/// The levels that a request asks for, in order of preference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Any level is accepted if this is empty.
    pub any_of: Vec<String>,
    /// Whether no other level is accepted.
    pub essential: bool,
}

impl Levels {
    /// Voluntary levels: another level is accepted as well.
    ///
    /// Spec: OpenID Connect Core §3.1.2.1 (`acr_values`)
    pub fn voluntary(any_of: impl IntoIterator<Item = impl Into<String>>) -> Levels {
        Levels { any_of: any_of.into_iter().map(Into::into).collect(), essential: false }
    }

    /// Tells whether an authentication of this level meets the request.
    pub fn are_met_by(&self, acr: &str) -> bool {
        self.any_of.is_empty() || self.any_of.iter().any(|level| level == acr)
    }

    /// Tells whether a new sign-in could reach one of the levels.
    pub fn are_reachable(&self) -> bool {
        REACHABLE.iter().any(|acr| self.are_met_by(acr))
    }
}
