//! The bounds of lifetimes, each with its reason.

use std::fmt;

use time::Duration;

use crate::protocol::span::text;

/// The longest lifetime of a token that does not need a setting of its own.
const LONG: Duration = Duration::hours(1);

/// A lifetime outside its bounds, in words that follow the name of the setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifetimeFault {
    given: Duration,
    bound: Duration,
    why: &'static str,
}

/// The bounds of a lifetime, with the reason for each.
pub(super) struct Bounds {
    pub(super) least: (Duration, &'static str),
    pub(super) most: (Duration, &'static str),
}

impl Bounds {
    pub(super) fn check(&self, given: Duration) -> Result<(), LifetimeFault> {
        for (is_beyond, (bound, why)) in
            [(given < self.least.0, self.least), (given > self.most.0, self.most)]
        {
            if is_beyond {
                return Err(LifetimeFault { given, bound, why });
            }
        }
        Ok(())
    }
}

/// Access tokens.
const ACCESS_TOKEN: Bounds = Bounds {
    least: (Duration::seconds(10), "a shorter one expires on its way to the resource"),
    most: (
        LONG,
        "a service that checks a token by itself accepts it until it expires, even after it was revoked; \
         accept_long_tokens = true allows more",
    ),
};
/// Access tokens where the operator has accepted long ones.
const LONG_ACCESS_TOKEN: Bounds = Bounds {
    least: ACCESS_TOKEN.least,
    most: (Duration::days(30), "every key has to stay public for as long after it signed for the last time"),
};
/// ID Tokens.
const ID_TOKEN: Bounds = Bounds {
    least: (Duration::minutes(1), "the clocks of applications may differ by that much"),
    most: (LONG, "an application checks it when it arrives, and has no use for it later"),
};
/// Codes.
pub(super) const CODE: Bounds = Bounds {
    least: (Duration::seconds(5), "a slow application could redeem none"),
    most: (Duration::seconds(60), "FAPI 2.0 allows no more, because a code that was seen can be redeemed"),
};

/// Checks the lifetime of access tokens.
pub fn check_access_token(lifetime: Duration, accepts_long: bool) -> Result<(), LifetimeFault> {
    if accepts_long { LONG_ACCESS_TOKEN.check(lifetime) } else { ACCESS_TOKEN.check(lifetime) }
}

/// Checks the lifetime of ID Tokens.
pub fn check_id_token(lifetime: Duration) -> Result<(), LifetimeFault> {
    ID_TOKEN.check(lifetime)
}

impl fmt::Display for LifetimeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LifetimeFault { given, bound, why } = self;
        let limit = if given < bound { "least" } else { "most" };
        write!(f, "is {}, and must be at {limit} {}: {why}", text(*given), text(*bound))
    }
}
