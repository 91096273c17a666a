//! Texts that this node has reported lately, so that a line that each sign-on would repeat is written once a day.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use crate::secret::sha256;

/// Time after which a text is reported again.
const AGAIN: Duration = Duration::days(1);
/// Number of texts remembered for one client. More of them are reported again earlier; none is suppressed, and other
/// clients are not affected.
const MOST: usize = 16;

/// Reported texts, by client.
#[derive(Default)]
pub(super) struct RecentReports(Mutex<BTreeMap<String, VecDeque<Report>>>);

/// The hash of a text, and when it was reported.
type Report = ([u8; 16], OffsetDateTime);

impl RecentReports {
    /// Notes that a text is reported for the client now; false if it was reported within a day already. The client must be
    /// registered, because the number of invented names has no bound.
    pub(super) fn note(&self, client_id: &str, text: &str, now: OffsetDateTime) -> bool {
        let hash = sha256(text.as_bytes()).first_chunk::<16>().copied().unwrap_or_default();
        let mut reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_client = reports.entry(client_id.to_owned()).or_default();
        // A time in the future comes from a clock that was set back since; it does not count.
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
