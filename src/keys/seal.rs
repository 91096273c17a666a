//! Sealing under the instance key, and knowing which one it was.

use super::instance::InstanceKeys;

const KEY_ID: usize = 8;

/// Why something sealed did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsealable {
    /// No instance key at hand has the identifier it was sealed with.
    UnknownKey([u8; KEY_ID]),
    /// Changed, cut short, sealed for another purpose, or not sealed by us at all.
    Tampered,
}

/// Seals `plain` for one purpose; `bound` is authenticated with it but not included.
pub fn seal(keys: &InstanceKeys, purpose: &str, bound: &[u8], plain: &[u8]) -> Vec<u8> {
    let first = keys.first();
    [first.id.as_slice(), &first.key.seal(purpose, bound, plain)].concat()
}

/// Opens what [`seal`] made, with whichever instance key made it.
pub fn open(keys: &InstanceKeys, purpose: &str, bound: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unsealable> {
    let (id, rest) = sealed.split_first_chunk::<KEY_ID>().ok_or(Unsealable::Tampered)?;
    let key = keys.find(*id).ok_or(Unsealable::UnknownKey(*id))?;
    key.open(purpose, bound, rest).ok_or(Unsealable::Tampered)
}
