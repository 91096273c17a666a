//! Limits on guessing user codes. Each entry is counted before the code is looked up, so that concurrent entries cannot
//! exceed a limit. An entry that names a code in use is subtracted afterwards.
//!
//! Spec: RFC 8628 §5.1

use time::{Duration, OffsetDateTime};

use super::{Limit, digest};
use crate::state::StateError;
use crate::state::kv::{Drawer, Hits, Key, Kv};

/// The window of both limits: as long as a code lives.
const WINDOW: Duration = Duration::minutes(10);
/// Wrong entries of one person, in all sessions.
const PERSON: Limit = Limit { most: 5, window: WINDOW };
/// Wrong entries from one network. It is higher, so that one person's mistakes do not shut out an office; and low enough
/// that many accounts in one network gain nothing: 50 entries find one of a thousand codes in use with a probability of one
/// in 500 000.
const NETWORK: Limit = Limit { most: 50, window: WINDOW };

/// The drawer of these counters.
#[derive(Clone)]
pub struct UserCodeLimits {
    kv: Kv,
}

/// An entry that was counted.
pub struct Counted {
    taken: Vec<(Key, OffsetDateTime)>,
}

impl UserCodeLimits {
    pub(in crate::state) fn new(kv: Kv) -> UserCodeLimits {
        UserCodeLimits { kv }
    }

    /// Counts an entry of a person, or answers when the limit that it exceeds has ended. Such an entry is not counted.
    pub async fn admit(
        &self,
        user_id: &str,
        network: &str,
        now: OffsetDateTime,
    ) -> Result<Result<Counted, OffsetDateTime>, StateError> {
        let mut counted = Counted { taken: vec![] };
        for (kind, whose, limit) in [("person", user_id, PERSON), ("network", network, NETWORK)] {
            let key = Key::new(Drawer::DeviceLimit, &format!("{kind}:{}", digest(whose)));
            let Hits { count, resets } = limit.count(&self.kv, &key, now).await?;
            counted.taken.push((key, resets));
            if count > limit.most {
                self.forgive(&counted).await?;
                return Ok(Err(resets));
            }
        }
        Ok(Ok(counted))
    }

    /// Takes a counted entry back, because it was no wrong one.
    pub async fn forgive(&self, counted: &Counted) -> Result<(), StateError> {
        for (key, resets) in &counted.taken {
            self.kv.unhit(key, 1, *resets).await?;
        }
        Ok(())
    }
}
