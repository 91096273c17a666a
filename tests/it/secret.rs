//! Randomness, hashing and authenticating.

use countersign::secret::{Key, random, sha256};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use proptest::prelude::*;

/// Random bytes are drawn ahead of need, and no byte is given out twice.
#[test]
fn randomness_never_repeats() {
    let mut seen: Vec<Vec<u8>> = vec![];
    for _ in 0..500 {
        seen.push(random::<16>().to_vec());
        seen.push(random::<10>().to_vec());
        seen.push(random::<32>().to_vec());
        seen.push(random::<256>().to_vec());
    }
    let elsewhere = std::thread::spawn(|| random::<16>().to_vec());
    seen.push(elsewhere.join().unwrap());
    let mut runs: Vec<&[u8]> = seen.iter().flat_map(|drawn| drawn.windows(8)).collect();
    let all = runs.len();
    runs.sort_unstable();
    runs.dedup();
    assert_eq!(runs.len(), all);
}

proptest! {
    /// A second opinion on hashing and authenticating.
    #[test]
    fn openssl_itself_hashes_and_authenticates_alike(
        key: [u8; 32], parts: Vec<Vec<u8>>,
    ) {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let whole = parts.concat();
        prop_assert_eq!(&sha256(&whole)[..], &*openssl::hash::hash(MessageDigest::sha256(), &whole).unwrap());
        let theirs = PKey::hmac(&key).unwrap();
        let mut theirs = Signer::new(MessageDigest::sha256(), &theirs).unwrap();
        theirs.update(&whole).unwrap();
        prop_assert_eq!(&Key::new(key).mac(&parts)[..], &theirs.sign_to_vec().unwrap());
    }
}
