//! Authenticated encryption under the instance key: AES-256-GCM, a fresh key for every sealing.

use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};

use super::instance::InstanceKeys;
use crate::secret::random;

const KEY_ID: usize = 8;
const SALT: usize = 16;
const TAG: usize = 16;

/// Why something sealed did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsealable {
    /// No instance key at hand has the identifier it was sealed with.
    UnknownKey([u8; KEY_ID]),
    /// Changed, cut short, sealed for another purpose, or not sealed by us at all.
    Tampered,
}

/// Seals `plain` for one purpose; `bound` is authenticated with it but not included.
///
/// Key and nonce are derived from 16 random bytes sent along, so that no number of sealings can wear
/// out one key's nonces.
pub fn seal(keys: &InstanceKeys, purpose: &str, bound: &[u8], plain: &[u8]) -> Vec<u8> {
    let first = keys.first();
    let salt: [u8; SALT] = random();
    let derived = first.key.derive::<44>(purpose, &salt);
    let (key, nonce) = derived.split_at(32);
    let mut tag = [0; TAG];
    #[expect(clippy::expect_used, reason = "AES-256-GCM with a 32-byte key and a 12-byte nonce cannot fail")]
    let body =
        encrypt_aead(Cipher::aes_256_gcm(), key, Some(nonce), bound, plain, &mut tag).expect("AES-256-GCM");
    [first.id.as_slice(), &salt, &body, &tag].concat()
}

/// Opens what [`seal`] made, with whichever instance key made it.
pub fn open(keys: &InstanceKeys, purpose: &str, bound: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unsealable> {
    let (id, rest) = sealed.split_first_chunk::<KEY_ID>().ok_or(Unsealable::Tampered)?;
    let (salt, rest) = rest.split_first_chunk::<SALT>().ok_or(Unsealable::Tampered)?;
    let (body, tag) = rest.split_last_chunk::<TAG>().ok_or(Unsealable::Tampered)?;
    let key = keys.find(*id).ok_or(Unsealable::UnknownKey(*id))?;
    let derived = key.derive::<44>(purpose, salt);
    let (key, nonce) = derived.split_at(32);
    decrypt_aead(Cipher::aes_256_gcm(), key, Some(nonce), bound, body, tag)
        .map_err(|_bad_tag| Unsealable::Tampered)
}
