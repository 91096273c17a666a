//! Keys of values that are spent once. The first call that spends one takes the whole of it away; the small part for
//! later calls is stored beside it from the beginning. Spending is thus one step, and a spent value cannot be restored by
//! changing a mark: its content is gone.

use time::OffsetDateTime;

use super::key::{Drawer, Key};
use crate::secret::base64url;

/// The key of a value that is spent once: the instant until which the spent value is remembered, the drawer, and 16
/// bytes of a hash. The instant comes first, so that a table is sorted by it and swept from its beginning. It is precise,
/// so that a new row goes to the end of the table even at thousands of rows a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnceKey {
    pub(super) until: Until,
    drawer: Drawer,
    name: [u8; 16],
}

/// The instant in such a key, in units of 1/65536 second since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Until(u64);

impl Until {
    /// Its length in bytes.
    pub const BYTES: usize = 6;

    /// Rounds an instant down.
    pub fn of(instant: OffsetDateTime) -> Until {
        let seconds = u64::try_from(instant.unix_timestamp()).unwrap_or_default();
        Until((seconds << 16) | ((u64::from(instant.nanosecond()) << 16) / 1_000_000_000))
    }

    /// The inverse of [`Until::to_bytes`].
    pub fn from_bytes(bytes: [u8; Until::BYTES]) -> Until {
        let mut wide = [0; 8];
        let [_, _, low @ ..] = &mut wide;
        *low = bytes;
        Until(u64::from_be_bytes(wide))
    }

    /// Bytes in the order of instants.
    pub fn to_bytes(self) -> [u8; Until::BYTES] {
        let [_, _, bytes @ ..] = self.0.to_be_bytes();
        bytes
    }

    /// Whole seconds, rounded down.
    pub(super) fn seconds(self) -> u32 {
        u32::try_from(self.0 >> 16).unwrap_or(u32::MAX)
    }
}

/// The two parts of such a value.
#[derive(Clone, Copy)]
pub(in crate::state) enum Part {
    /// The answer to the first call that spends it.
    Whole = 0,
    /// The answer to later calls.
    Later = 1,
}

impl OnceKey {
    /// A key in a drawer, from a hash that has at least 16 bytes.
    pub fn new(drawer: Drawer, until: Until, hash: &[u8; 32]) -> OnceKey {
        let (name, _rest) = hash.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        OnceKey { until, drawer, name: *name }
    }

    /// The key under which a part of the value is authenticated.
    pub(in crate::state) fn part(&self, part: Part) -> Key {
        self.named(&[part as u8])
    }

    pub(super) fn is_over(&self, now: OffsetDateTime) -> bool {
        now.unix_timestamp() >= i64::from(self.until.seconds())
    }

    pub(super) fn text(&self) -> Key {
        self.named(&[])
    }

    fn named(&self, part: &[u8]) -> Key {
        let name = [self.until.seconds().to_be_bytes().as_slice(), &self.name, part].concat();
        Key::new(self.drawer, &base64url(&name))
    }

    pub(super) fn row(&self, part: Part) -> Vec<u8> {
        [self.until.to_bytes().as_slice(), &[self.drawer as u8], &self.name, &[part as u8]].concat()
    }
}
