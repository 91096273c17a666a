//! Refresh tokens: their form, and the decision on one that is presented.
//!
//! A refresh token names its family and its generation under a MAC. So the row of the family is all that is stored, and
//! the use of any earlier token is recognised for as long as the family lives.

use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::ids::GrantId;
use crate::protocol::cause::Cause;
use crate::protocol::instant::age;
use crate::protocol::refusal::Refusal;
use crate::protocol::revoked::Why;
use crate::secret::{Key, base64url, from_base64url, same};

/// The version of the key that makes new refresh tokens.
pub const KEY_VERSION: u8 = 1;
/// The length of a refresh token, in characters.
pub const LENGTH: usize = 73;
/// The beginning of every refresh token, for scanners that look for leaked secrets.
const PREFIX: &str = "rt_";

/// A refresh token. It is genuine only if it was made, or if [`RefreshToken::is_genuine`] said so.
pub struct RefreshToken {
    /// The family.
    pub family: GrantId,
    /// The number of tokens before it in the family.
    pub generation: u32,
    mac: [u8; 32],
}

impl RefreshToken {
    /// Makes the token of one generation of a family. The salt is that of the family's row.
    pub fn make(key: &Key, family: GrantId, generation: u32, salt: &[u8]) -> RefreshToken {
        RefreshToken { family, generation, mac: mac(key, family, generation, salt) }
    }

    /// Takes a presented text apart; none if it does not have the form of a refresh token.
    pub fn parse(text: &str) -> Option<RefreshToken> {
        let bytes = from_base64url(text.strip_prefix(PREFIX)?)?;
        let (family, rest) = bytes.split_first_chunk::<16>()?;
        let (generation, mac) = rest.split_first_chunk::<4>()?;
        Some(RefreshToken {
            family: GrantId::from_bytes(family)?,
            generation: u32::from_be_bytes(*generation),
            mac: mac.try_into().ok()?,
        })
    }

    /// Tells, in constant time, whether this key made the token for a family with this salt.
    pub fn is_genuine(&self, key: &Key, salt: &[u8]) -> bool {
        same(&self.mac, &mac(key, self.family, self.generation, salt))
    }

    /// The text, for the client.
    pub fn expose(&self) -> Zeroizing<String> {
        let bytes = [self.family.as_bytes().as_slice(), &self.generation.to_be_bytes(), &self.mac].concat();
        Zeroizing::new(format!("{PREFIX}{}", base64url(&bytes)))
    }
}

fn mac(key: &Key, family: GrantId, generation: u32, salt: &[u8]) -> [u8; 32] {
    key.mac(&[family.as_bytes(), &generation.to_be_bytes(), salt])
}

/// The salt of a new family, from 16 unpredictable bytes. Its first byte is the version of the key.
pub fn salt(unpredictable: [u8; 16]) -> Vec<u8> {
    [&[KEY_VERSION], unpredictable.as_slice()].concat()
}

/// The rules that decide on a presented token.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// How long after its use a token that was replaced may be presented again, by a client that did not get the answer.
    pub grace: Duration,
    /// How many tokens of clients that have moved on a family survives.
    pub late_hits: u32,
}

impl Rotation {
    /// 30 seconds; the fourth late token counts as reuse.
    pub const DEFAULT: Rotation = Rotation { grace: Duration::seconds(30), late_hits: 3 };
}

/// The part of a family's row that its use changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The generation of the newest token.
    pub generation: u32,
    /// When the token before it was used. Without one: when the family was last used, as far as that was written.
    pub used_at: OffsetDateTime,
    /// When the token before that one was used.
    pub used_before: OffsetDateTime,
    /// The number of tokens that came too late and were not counted as reuse.
    pub late_hits: u32,
    /// When the family ends unless it is used.
    pub idle_end: OffsetDateTime,
}

/// The facts of a family's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What its use changes.
    pub position: Position,
    /// When it was revoked, and why.
    pub revoked: Option<(OffsetDateTime, Why)>,
    /// When it ends at the latest.
    pub absolute_end: OffsetDateTime,
    /// When it began.
    pub created_at: OffsetDateTime,
}

/// The decision on a genuine token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The newest token of a public client: the position to write, whose token replaces it.
    Rotate(Position),
    /// The newest token of a confidential client, which stays valid: the position to write, if it differs.
    Keep(Position),
    /// The token before the newest, presented again in time: the newest is returned once more.
    Repeat,
    /// A token of a client that has moved on: refused, and this position is to be written.
    Late(Position),
    /// A token that was replaced: it was copied, and the family is to be revoked.
    Reuse,
    /// A token newer than the newest: the database was restored from a backup.
    FromTheFuture,
    /// The family has ended.
    Ended(Ended),
}

/// Why a family has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was revoked.
    Revoked(OffsetDateTime, Why),
    /// Its latest end has passed.
    Absolute(OffsetDateTime),
    /// It was not used for too long.
    Idle(OffsetDateTime),
    /// It began in the future: a clock ran ahead.
    DatedAhead,
}

/// Decides on a genuine token of this generation. `idle` is the span after which the family ends unused, if it does;
/// `rotates` tells whether the token is replaced by its use. A family never forks: each answer is the newest token.
///
/// Spec: OAuth 2.1 §4.3.1, RFC 9700 §4.14.2
pub fn decide(
    facts: &Facts,
    generation: u32,
    rotates: bool,
    idle: Option<Duration>,
    rules: Rotation,
    now: OffsetDateTime,
) -> Decision {
    let row = facts.position;
    if let Some(ended) = facts.ended(now) {
        return Decision::Ended(ended);
    }
    // A use that is dated in the future is not believed.
    let is_recent = |used: OffsetDateTime| age(used, now).is_some_and(|age| age <= rules.grace);
    let idle_end = idle.map_or(facts.absolute_end, |idle| facts.absolute_end.min(now + idle));
    match row.generation.checked_sub(generation) {
        None => Decision::FromTheFuture,
        Some(0) if rotates => Decision::Rotate(Position {
            generation: row.generation.saturating_add(1),
            used_at: now,
            used_before: row.used_at,
            idle_end,
            ..row
        }),
        Some(0) => {
            let step = idle.unwrap_or_default() / 30;
            let moves = (idle_end - row.idle_end).abs() > step;
            // Of a family whose tokens were replaced, `used_at` tells when.
            let used_at = if row.generation == 0 { now } else { row.used_at };
            Decision::Keep(if moves { Position { used_at, idle_end, ..row } } else { row })
        }
        Some(1) if is_recent(row.used_at) => Decision::Repeat,
        Some(2) if is_recent(row.used_before) && row.late_hits < rules.late_hits => {
            Decision::Late(Position { late_hits: row.late_hits.saturating_add(1), ..row })
        }
        Some(_) => Decision::Reuse,
    }
}

impl Facts {
    /// Why the family has ended, if it has.
    pub fn ended(&self, now: OffsetDateTime) -> Option<Ended> {
        if let Some((at, why)) = self.revoked {
            return Some(Ended::Revoked(at, why));
        }
        if age(self.created_at, now).is_none() {
            return Some(Ended::DatedAhead);
        }
        if now >= self.absolute_end {
            return Some(Ended::Absolute(self.absolute_end));
        }
        (now >= self.position.idle_end).then_some(Ended::Idle(self.position.idle_end))
    }

    /// When the family was last used, as far as that was written.
    pub fn last_used(&self) -> OffsetDateTime {
        self.position.used_at
    }
}

/// The one error for every refresh token that cannot be used; the cause is not part of the answer.
///
/// Spec: RFC 6749 §5.2
pub fn refused(cause: impl Into<Cause>) -> Refusal {
    Refusal::new("invalid_grant", "the refresh token is not valid").because(cause)
}

/// The cause for a text that has not the form of a refresh token.
pub fn malformed(sent: &str) -> Cause {
    let cause =
        Cause::new("the refresh token does not look like one of ours: it was cut off, or encoded twice");
    let length = sent.chars().count();
    let cause = cause.with("length", format!("{length} characters instead of {LENGTH}"));
    cause.mend("store the refresh token as it is, in a column that is long enough")
}

impl Ended {
    /// The cause, for the client's developer.
    pub fn cause(self, now: OffsetDateTime) -> Cause {
        let late = |end: OffsetDateTime| format!("{} s", (now - end).whole_seconds());
        match self {
            Ended::Revoked(at, why) => {
                Cause::new(format!("the grant of the refresh token was revoked: {}", why.words()))
                    .with("ago", late(at))
                    .mend("send the person through the authorization endpoint again")
            }
            Ended::Absolute(end) => {
                Cause::new("the refresh token has expired: its grant has reached its latest end")
                    .with("too late by", late(end))
                    .mend("send the person through the authorization endpoint again")
            }
            Ended::Idle(end) => Cause::new("the refresh token has expired: it was not used for too long")
                .with("too late by", late(end))
                .mend("refresh more often, or send the person through the authorization endpoint again"),
            Ended::DatedAhead => Cause::new("the grant is dated in the future: a clock ran ahead"),
        }
    }
}

/// The cause for a token that a client sends although it has moved on, or that was copied.
pub fn replaced(facts: &Facts, generation: u32, is_reuse: bool, now: OffsetDateTime) -> Cause {
    let what = if is_reuse {
        "a refresh token that was replaced was used again; the grant is revoked"
    } else {
        "a refresh token that was replaced came late"
    };
    let newest = facts.position.generation;
    let cause = Cause::new(what).with("generation", format!("{generation}, the newest is {newest}"));
    let since = (now - facts.position.used_at).whole_seconds();
    let cause = cause.with("last replaced", format!("{since} s ago"));
    cause.mend("store each new refresh token before the next request, and let one request at a time refresh")
}
