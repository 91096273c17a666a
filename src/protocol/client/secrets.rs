//! The secrets of a client: one, or two while a new one takes the place of the old one.

use time::{Duration, OffsetDateTime};

use crate::secret::TokenHash;

/// How many hashes are compared with a presented secret, however many a client has.
const COMPARED: usize = 4;
/// How often the last use of a secret is written.
const WRITTEN_EVERY: Duration = Duration::hours(1);

/// One secret of a client.
#[derive(Clone, Debug)]
pub struct ClientSecret {
    /// Its number: a newer secret of the same client has a higher one.
    pub number: i64,
    /// Its hash.
    pub hash: TokenHash,
    /// The secret itself under the instance key, if it has to be known again.
    pub sealed: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// From when on it is refused; none while nothing ends it.
    pub ends_at: Option<OffsetDateTime>,
    /// The last use that was written.
    pub last_use: Option<LastUse>,
}

/// The last use of a secret, an hour old at most while two secrets are live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at: OffsetDateTime,
    /// From which network (IPv4 /24, IPv6 /56).
    pub network: Option<String>,
}

impl ClientSecret {
    /// A secret without end, known by its hash.
    pub fn of(hash: TokenHash, created_at: OffsetDateTime) -> ClientSecret {
        ClientSecret { number: 1, hash, sealed: None, created_at, ends_at: None, last_use: None }
    }

    /// Tells whether it is accepted.
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        self.ends_at.is_none_or(|end| end > now)
    }
}

/// All secrets of one client, oldest first. Of those that have ended, the last one may still be among them.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Vec<ClientSecret>);

impl Secrets {
    /// One secret.
    pub fn one(secret: ClientSecret) -> Secrets {
        Secrets(vec![secret])
    }

    /// Several, in any order.
    pub fn new(mut secrets: Vec<ClientSecret>) -> Secrets {
        secrets.sort_by_key(|secret| secret.number);
        Secrets(secrets)
    }

    /// Tells whether there is none, not even one that has ended.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, oldest first.
    pub fn all(&self) -> &[ClientSecret] {
        &self.0
    }

    /// Those that are accepted, oldest first.
    pub fn live(&self, now: OffsetDateTime) -> impl DoubleEndedIterator<Item = &ClientSecret> {
        self.0.iter().filter(move |secret| secret.is_live(now))
    }

    /// The newest one.
    pub fn newest(&self) -> Option<&ClientSecret> {
        self.0.last()
    }

    /// The secret that one of these presented ones is, live or not; a live one first. Always compares as often, so that
    /// the time tells neither how many there are nor which one it is.
    pub fn find(&self, presented: &[TokenHash], now: OffsetDateTime) -> Option<&ClientSecret> {
        let nothing = TokenHash::of("");
        let mut found: Option<&ClientSecret> = None;
        for presented in presented {
            for at in 0..COMPARED.max(self.0.len()) {
                let stored = self.0.get(at);
                let is_same = presented.matches(stored.map_or(&nothing, |secret| &secret.hash));
                if let Some(secret) = stored.filter(|_| is_same)
                    && found.is_none_or(|other| !other.is_live(now))
                {
                    found = Some(secret);
                }
            }
        }
        found
    }

    /// The secret that is the key of ID Tokens: the one that the client used just now, else the newest that it ever used,
    /// else the oldest, which an application that was not told of the newer one knows. Only one that is live and kept so
    /// that it can be known again.
    ///
    /// Spec: OpenID Connect Core §10.1
    pub fn signing(&self, used: Option<i64>, now: OffsetDateTime) -> Option<&ClientSecret> {
        let known = || self.live(now).filter(|secret| secret.sealed.is_some());
        let used = known().find(|secret| Some(secret.number) == used);
        used.or_else(|| known().rfind(|secret| secret.last_use.is_some())).or_else(|| known().next())
    }

    /// The secret whose use of this moment is to be written. While two are live it is told of the old one whether it is
    /// still in use, once an hour, and of the new one whether it ever was.
    pub fn use_to_write(&self, used: i64, now: OffsetDateTime) -> Option<&ClientSecret> {
        let mut live = self.live(now).rev();
        let (newest, old) = (live.next()?, live.next()?);
        if newest.number == used {
            return Some(newest).filter(|newest| newest.last_use.is_none());
        }
        let is_due = |last: &LastUse| last.at + WRITTEN_EVERY <= now || last.at > now + WRITTEN_EVERY;
        Some(old).filter(|old| old.number == used && old.last_use.as_ref().is_none_or(is_due))
    }
}
