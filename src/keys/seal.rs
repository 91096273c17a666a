//! Authenticated encryption under the instance key. A sealed value names the instance key that sealed it.

use super::instance::InstanceKeys;

const KEY_ID: usize = 8;

/// Why a sealed value did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsealable {
    /// No configured instance key has the identifier it names.
    UnknownKey([u8; KEY_ID]),
    /// It was changed, cut short, sealed for another purpose, or not sealed by this program.
    Tampered,
}

/// Seals `plain` for one purpose; `bound` is authenticated with it but not included.
pub fn seal(keys: &InstanceKeys, purpose: &str, bound: &[u8], plain: &[u8]) -> Vec<u8> {
    let first = keys.first();
    [first.id.as_slice(), &first.key.seal(purpose, bound, plain)].concat()
}

/// Opens the result of [`seal`], with the instance key that it names.
pub fn open(keys: &InstanceKeys, purpose: &str, bound: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unsealable> {
    let (id, rest) = sealed.split_first_chunk::<KEY_ID>().ok_or(Unsealable::Tampered)?;
    let key = keys.find(*id).ok_or(Unsealable::UnknownKey(*id))?;
    key.open(purpose, bound, rest).ok_or(Unsealable::Tampered)
}
