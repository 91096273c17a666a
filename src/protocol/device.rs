//! Device authorization: a device without a browser shows a code, a person who enters the code in a browser allows it or
//! not, and meanwhile the device polls for its tokens.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::ids::RecordId;
use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::consent::Consent;
use crate::protocol::grant::Grant;
use crate::protocol::grant_type::GrantType;
use crate::protocol::instant::age;
use crate::protocol::refusal::Refusal;
use crate::protocol::scope::Scope;
use crate::protocol::user_code::UserCode;

/// The lifetime of both codes, without tolerance for clocks that differ.
pub const LIFETIME: Duration = Duration::seconds(600);
/// How much longer expired codes are kept, so that a late device and a late person are told that the time is over.
pub const LATE: Duration = Duration::minutes(10);
/// How long a device must wait between two polls at first.
///
/// Spec: RFC 8628 §3.2 (`interval`)
pub const INTERVAL: Duration = Duration::seconds(5);
/// How much longer it must wait after each poll that came too early.
///
/// Spec: RFC 8628 §3.5 (`slow_down`)
pub const SLOWER: Duration = Duration::seconds(5);

/// The request of a device, which a person decides.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceRequest {
    /// The client.
    #[serde(rename = "c")]
    pub client_id: String,
    /// When the client was registered: a later one under the same identifier is another client.
    #[serde(rename = "k", with = "time::serde::timestamp")]
    pub registered_at: OffsetDateTime,
    /// The scopes that can be granted.
    #[serde(rename = "s")]
    pub scope: Scope,
    /// The resources, by their declared identifiers.
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// When the device asked.
    #[serde(rename = "o", with = "time::serde::timestamp")]
    pub asked_at: OffsetDateTime,
    /// The network that it asked from; empty when that is not known.
    #[serde(rename = "n")]
    pub network: String,
    /// The decision.
    #[serde(rename = "d")]
    pub decision: Decision,
}

/// The decision of a person on the request of a device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Decision {
    /// None was made yet.
    #[serde(rename = "p")]
    Pending,
    /// The person denied it.
    #[serde(rename = "d")]
    Denied,
    /// The person approved it.
    #[serde(rename = "a")]
    Approved(Box<Approval>),
}

/// What a person has approved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Approval {
    /// The grant that the tokens are issued from.
    #[serde(rename = "g")]
    pub grant: Grant,
    /// The browser record with the session that it was given from.
    #[serde(rename = "b")]
    pub record: RecordId,
    /// When it was given.
    #[serde(rename = "o", with = "time::serde::timestamp")]
    pub given_at: OffsetDateTime,
}

impl DeviceRequest {
    /// Tells whether its time is over. A request that is dated in the future is not believed.
    pub fn is_expired(&self, now: OffsetDateTime) -> bool {
        is_expired(self.asked_at, now)
    }

    /// Tells whether a person can still decide it.
    pub fn is_pending(&self, now: OffsetDateTime) -> bool {
        self.is_undecided() && !self.is_expired(now)
    }

    /// Tells whether no person has decided it, in time or not.
    pub fn is_undecided(&self) -> bool {
        matches!(self.decision, Decision::Pending)
    }

    /// Tells whether this client made it, and may still do so.
    pub fn is_of(&self, client: &Client) -> bool {
        !client.disabled
            && client.id == self.client_id
            && client.registered_at.unix_timestamp() == self.registered_at.unix_timestamp()
            && client.metadata.grant_types.has(GrantType::DeviceCode)
    }

    /// The consent that it needs.
    pub fn consent(&self) -> Consent {
        Consent {
            scopes: self.scope.clone(),
            resources: self.resources.clone(),
            claims: std::collections::BTreeSet::new(),
        }
    }
}

/// The polls of a device: their state, under its device code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Polls {
    /// The user code, under which the request is kept.
    #[serde(rename = "u")]
    pub user_code: UserCode,
    /// When the device asked.
    #[serde(rename = "o", with = "time::serde::timestamp")]
    pub asked_at: OffsetDateTime,
    /// How long it must wait between two polls, in seconds.
    #[serde(rename = "i")]
    pub interval: i64,
    /// The last poll.
    #[serde(rename = "l", with = "time::serde::timestamp::option", default)]
    pub last: Option<OffsetDateTime>,
}

/// What one poll is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Poll {
    /// It came when the codes had expired.
    Late,
    /// It came too early; the polls with the longer interval.
    Early(Polls),
    /// It came in time; the polls, this one included.
    InTime(Polls),
}

impl Polls {
    /// Judges a poll. One that comes early counts as the last one too, so that a device has to wait the whole of the longer
    /// interval. Instants are compared in whole seconds. A last poll that is dated in the future is not believed.
    ///
    /// Spec: RFC 8628 §3.5
    pub fn poll(&self, now: OffsetDateTime) -> Poll {
        if is_expired(self.asked_at, now) {
            return Poll::Late;
        }
        let waited = self.last.and_then(|last| {
            let (last, now) = (last.replace_nanosecond(0).ok()?, now.replace_nanosecond(0).ok()?);
            age(last, now)
        });
        let polled = Polls { last: Some(now), ..self.clone() };
        if waited.is_some_and(|waited| waited < Duration::seconds(self.interval)) {
            let interval = self.interval.saturating_add(SLOWER.whole_seconds());
            return Poll::Early(Polls { interval, ..polled });
        }
        Poll::InTime(polled)
    }
}

fn is_expired(asked_at: OffsetDateTime, now: OffsetDateTime) -> bool {
    age(asked_at, now).is_none_or(|age| age >= LIFETIME)
}

/// The error for a device code that cannot be redeemed; the cause is not part of the answer.
///
/// Spec: RFC 6749 §5.2
pub fn refused(cause: impl Into<Cause>) -> Refusal {
    Refusal::new("invalid_grant", "the device code is not valid").because(cause)
}

/// The answer while the person has not decided. It is no fault.
///
/// Spec: RFC 8628 §3.5
pub fn pending() -> Refusal {
    Refusal::new("authorization_pending", "the person has not decided yet: poll again after the interval")
}

/// The answer to a poll that came too early; `interval` is in seconds, and applies from now on.
///
/// Spec: RFC 8628 §3.5
pub fn slow_down(interval: i64) -> Refusal {
    let cause = Cause::new("a poll came before the interval was over, which makes the interval longer");
    let cause = cause.with("interval from now on", format!("{interval} s"));
    Refusal::new("slow_down", "polled too early: add five seconds to the interval").because(
        cause.mend("wait the interval after each answer, and five seconds more after each slow_down"),
    )
}

/// The answer when the codes have expired.
///
/// Spec: RFC 8628 §3.5
pub fn expired() -> Refusal {
    let cause = Cause::new("the device code has expired before a person decided")
        .with("lifetime", format!("{} s", LIFETIME.whole_seconds()));
    Refusal::new("expired_token", "the device code has expired: ask for a new one")
        .because(cause.mend("ask for new codes, and show the new user code"))
}

/// The answer when the person denied.
///
/// Spec: RFC 8628 §3.5
pub fn denied() -> Refusal {
    Refusal::new("access_denied", "the person did not allow it")
}
