//! Limits on guessing passwords. Every attempt is counted before its password is looked at, so that many
//! at once do not slip through, and a success is taken back: what remains are the failures.

use time::{Duration, OffsetDateTime};

use super::StateError;
use super::kv::{Key, Kv};
use crate::protocol::user::fold_login;
use crate::secret::{base64url, sha256};

/// The drawer of counters.
#[derive(Clone)]
pub struct Throttle {
    kv: Kv,
}

/// What is counted, within how long, and how many may be.
type Counter = (Key, Duration, u64);

/// An attempt to sign in, as it is counted.
pub struct Attempt {
    counters: [Counter; 3],
}

/// An attempt that was counted: where, and until when each count stands.
pub struct Counted(Vec<(Key, OffsetDateTime)>);

impl Attempt {
    /// `known_device` names the browser if this account has signed in in it before: it then has a counter of
    /// its own, so that nobody who fails elsewhere can lock the person out.
    pub fn new(login: &str, network: &str, known_device: Option<&str>) -> Attempt {
        let account = digest(&fold_login(login));
        let pair = (Key::new('l', &format!("p:{account}:{network}")), Duration::minutes(1), 5);
        let whole = match known_device {
            Some(device) => {
                (Key::new('l', &format!("d:{account}:{}", digest(device))), Duration::hours(1), 10)
            }
            None => (Key::new('l', &format!("a:{account}")), Duration::hours(1), 50),
        };
        // The network comes first: a flood of invented names then leaves no more keys than it allows.
        let network = (Key::new('l', &format!("n:{network}")), Duration::hours(1), 100);
        Attempt { counters: [network, pair, whole] }
    }
}

impl Throttle {
    pub(super) fn new(kv: Kv) -> Throttle {
        Throttle { kv }
    }

    /// Counts an attempt; answers how long to wait if it is one too many. Such a one is not counted: nobody
    /// looked at its password, so it was no failure.
    pub async fn admit(
        &self,
        attempt: Attempt,
        now: OffsetDateTime,
    ) -> Result<Result<Counted, Duration>, StateError> {
        let mut counted = Counted(vec![]);
        for (key, window, most) in attempt.counters {
            let hits = self.kv.hit(&key, window, now).await?;
            counted.0.push((key, hits.resets));
            if hits.count > most {
                self.forgive(&counted).await?;
                return Ok(Err(hits.resets - now));
            }
        }
        Ok(Ok(counted))
    }

    /// Takes a counted attempt back, because it was no failure.
    pub async fn forgive(&self, counted: &Counted) -> Result<(), StateError> {
        for (key, resets) in &counted.0 {
            self.kv.unhit(key, *resets).await?;
        }
        Ok(())
    }
}

/// A short name for a text of any length and content.
fn digest(text: &str) -> String {
    let mut digest = base64url(&sha256(text.as_bytes()));
    digest.truncate(22);
    digest
}
