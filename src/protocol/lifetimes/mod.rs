//! How long what this provider issues lives, and the bounds of each lifetime.

mod bounds; // what a lifetime may be, and why

use time::Duration;

pub use bounds::{LifetimeFault, check_access_token, check_id_token};

use crate::protocol::client::Metadata;
use crate::protocol::family::{FamilyPolicy, Spans};
use crate::protocol::resource::Target;
use crate::protocol::session::SessionPolicy;
use bounds::{Bounds, CODE};

/// The lifetimes of everything that this provider issues. What is shorter than before counts for what exists as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Of sessions.
    pub session: SessionPolicy,
    /// Of codes.
    pub code: Duration,
    /// Of ID Tokens, unless the client has its own.
    pub id_token: Duration,
    /// Of access tokens, unless the client or the resource has its own.
    pub access_token: Duration,
    /// After which a family of refresh tokens that outlives the session ends unused.
    pub refresh_idle: Duration,
    /// After which it ends in any case.
    pub refresh_absolute: Duration,
    /// Whether the operator accepts access tokens that live for more than an hour.
    pub accept_long_tokens: bool,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Lifetimes {
            session: SessionPolicy {
                idle: Duration::hours(8),
                absolute: Duration::hours(24),
                remembered: Duration::days(30),
            },
            code: Duration::seconds(60),
            id_token: Duration::minutes(10),
            access_token: Duration::minutes(10),
            refresh_idle: Duration::days(30),
            refresh_absolute: Duration::days(180),
            accept_long_tokens: false,
        }
    }
}

impl Lifetimes {
    /// Checks all of them; names the setting that is outside its bounds.
    ///
    /// Spec: RFC 6749 §4.1.2 (`code`)
    pub fn check(&self) -> Result<(), (&'static str, LifetimeFault)> {
        let SessionPolicy { idle, absolute, remembered } = self.session;
        let session_idle = Bounds {
            least: (Duration::minutes(1), "a person who reads a page would be signed out meanwhile"),
            most: (
                absolute,
                "a session that ends earlier in any case is never idle for longer (session_absolute)",
            ),
        };
        let session_absolute = Bounds {
            least: (Duration::minutes(5), "people would do nothing but sign in"),
            most: (Duration::days(30), "who asked for no more is not to stay on a shared machine for longer"),
        };
        let stay_signed_in = Bounds {
            least: (absolute, "who asks to stay signed in would be signed out earlier (session_absolute)"),
            most: (Duration::days(365), "applications take no authentication that is older than a year"),
        };
        let refresh_idle = Bounds {
            least: (
                self.access_token,
                "an application refreshes when its access token has expired (access_token)",
            ),
            most: (
                self.refresh_absolute,
                "a grant that ends earlier in any case is never idle for longer (refresh_absolute)",
            ),
        };
        let refresh_absolute = Bounds {
            least: (Duration::hours(1), "an application would have to send people here all the time"),
            most: (Duration::days(365), "applications take no authentication that is older than a year"),
        };
        let checked = [
            ("session_absolute", session_absolute.check(absolute)),
            ("session_idle", session_idle.check(idle)),
            ("stay_signed_in", stay_signed_in.check(remembered)),
            ("code", CODE.check(self.code)),
            ("id_token", check_id_token(self.id_token)),
            ("refresh_absolute", refresh_absolute.check(self.refresh_absolute)),
            ("refresh_idle", refresh_idle.check(self.refresh_idle)),
            ("access_token", check_access_token(self.access_token, self.accept_long_tokens)),
        ];
        checked.into_iter().try_for_each(|(name, checked)| checked.map_err(|fault| (name, fault)))
    }

    /// The lifetimes of families of refresh tokens.
    pub fn family(&self) -> FamilyPolicy {
        let offline = Spans { idle: self.refresh_idle, absolute: self.refresh_absolute };
        FamilyPolicy { offline, session: self.session }
    }

    /// The longest of those of tokens that others verify.
    pub fn longest_token(&self) -> Duration {
        self.id_token.max(self.access_token)
    }

    /// How long an ID Token for a client lives.
    pub fn id_token(&self, client: &Metadata) -> Duration {
        client.id_token_ttl.map_or(self.id_token, seconds)
    }

    /// How long an access token lives: as long as its resources and its client allow.
    pub fn access_token(&self, client: &Metadata, target: &Target) -> Duration {
        match client.access_token_ttl.map(seconds) {
            Some(own) => target.lifetime(own).min(own),
            None => target.lifetime(self.access_token),
        }
    }
}

fn seconds(number: u32) -> Duration {
    Duration::seconds(number.into())
}
