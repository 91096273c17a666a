//! Budgets: how much may be stored at a time for one network, client, browser, person, or for all of them.

use std::future::Future;

use time::{Duration, OffsetDateTime};

use crate::secret::{TokenHash, base64url};
use crate::state::StateError;
use crate::state::kv::{Drawer, Hold, Key, Kv};

/// A budget of amounts, each of which ends by itself.
pub(in crate::state) struct Budget {
    /// Its name in the log.
    name: &'static str,
    key: Key,
    most: u64,
}

/// A budget that has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// Its name in the log.
    pub budget: &'static str,
    /// When it has room for the request.
    pub until: OffsetDateTime,
}

impl Budget {
    /// A budget of one kind; `whose` may be any text.
    pub(in crate::state) fn new(
        drawer: Drawer,
        name: &'static str,
        kind: &str,
        whose: &str,
        most: u64,
    ) -> Budget {
        let whose = base64url(TokenHash::of(whose).as_bytes());
        Budget { name, key: Key::new(drawer, &format!("{kind}:{whose}")), most }
    }
}

/// Stores something if each of the budgets has room for this amount. The amount ends at `ends`, rounded up to the minute.
/// If nothing is stored, nothing stays counted.
pub(in crate::state) async fn store_within<T>(
    kv: &Kv,
    budgets: impl IntoIterator<Item = Budget>,
    amount: u64,
    ends: OffsetDateTime,
    now: OffsetDateTime,
    store: impl Future<Output = Result<T, StateError>>,
) -> Result<Result<T, Full>, StateError> {
    let until = rounded_up_to_minute(ends);
    let mut held: Vec<Key> = vec![];
    let done = async {
        for Budget { name, key, most } in budgets {
            if let Hold::Full(free) = kv.hold(&key, amount, most, until, now).await? {
                return Ok(Err(Full { budget: name, until: free }));
            }
            held.push(key);
        }
        store.await.map(Ok)
    };
    let done = done.await;
    if !matches!(done, Ok(Ok(_))) {
        // Where the store does not answer, the amount stays counted until its end.
        for key in &held {
            if let Err(error) = kv.release(key, amount, until).await {
                tracing::warn!(%error, "what was not stored stays counted until its end");
            }
        }
    }
    done
}

fn rounded_up_to_minute(instant: OffsetDateTime) -> OffsetDateTime {
    instant + Duration::seconds((-instant.unix_timestamp()).rem_euclid(60))
}
