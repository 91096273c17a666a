//! What this node has told lately, so that a line that each sign-on would repeat is written once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use crate::secret::sha256;

/// After how long the same thing is told again.
const AGAIN: Duration = Duration::days(1);
/// How many different things are remembered of one client. A flood of others makes some be told again, but
/// keeps nothing from being told, and takes nothing from other clients.
const MOST: usize = 16;

/// Texts by client.
#[derive(Default)]
pub struct Told(Mutex<BTreeMap<String, VecDeque<Line>>>);

/// A text, as its hash, and when it was told.
type Line = ([u8; 16], OffsetDateTime);

impl Told {
    /// Tells whether this was not told of the client for a day, and takes note that it is told now. The client
    /// must be a registered one: there is no end of invented names.
    pub fn is_news(&self, client_id: &str, text: &str, now: OffsetDateTime) -> bool {
        let hash = sha256(text.as_bytes()).first_chunk::<16>().copied().unwrap_or_default();
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_client = told.entry(client_id.to_owned()).or_default();
        // An instant in the future is of a clock that was set back, and counts for nothing.
        of_client.retain(|(_, at)| (Duration::ZERO..AGAIN).contains(&(now - *at)));
        if of_client.iter().any(|(known, _)| *known == hash) {
            return false;
        }
        if of_client.len() >= MOST {
            of_client.pop_front();
        }
        of_client.push_back((hash, now));
        true
    }
}
