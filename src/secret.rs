//! Randomness, secrets as types, and the few cryptographic primitives everything else is built from.

use std::cell::RefCell;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use openssl::pkey::Id;
use openssl::pkey_ctx::PkeyCtx;
use openssl::sha::{Sha256, Sha512};
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::Zeroizing;

/// How many random bytes are drawn at once: a call to the generator costs ten times as much as 16 bytes from it.
const DRAWN: usize = 256;

thread_local! {
    /// Buffered random bytes and how many of them were used. Used bytes are wiped.
    static BUFFER: RefCell<(Zeroizing<[u8; DRAWN]>, usize)> = RefCell::new((Zeroizing::new([0; DRAWN]), DRAWN));
}

/// Draws bytes from OpenSSL's generator, which the operating system seeds. Each thread has a buffer, so this process must
/// not fork: both processes would use the same bytes.
///
/// Panics when the generator fails, so that the request ends with 500: nothing is secure without randomness.
#[expect(clippy::expect_used, reason = "nothing is secure without randomness")]
#[expect(clippy::disallowed_methods, reason = "this is the one source of randomness")]
pub fn random<const N: usize>() -> [u8; N] {
    const { assert!(N <= DRAWN) };
    BUFFER.with_borrow_mut(|(buffer, used)| {
        if *used + N > DRAWN {
            openssl::rand::rand_bytes(buffer.as_mut_slice()).expect("the system's random generator works");
            *used = 0;
        }
        let mut bytes = [0; N];
        for (byte, fresh) in bytes.iter_mut().zip(buffer.iter_mut().skip(*used)) {
            *byte = std::mem::take(fresh);
        }
        *used += N;
        bytes
    })
}

/// Hashes with SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    // Not by the one-call function: it looks up the algorithm by name each time, which costs more than the hash.
    let mut hash = Sha256::new();
    hash.update(bytes);
    hash.finish()
}

/// Hashes with SHA-512.
pub fn sha512(bytes: &[u8]) -> [u8; 64] {
    let mut hash = Sha512::new();
    hash.update(bytes);
    hash.finish()
}

/// HMAC-SHA-256 of the concatenation of `parts` under a key of any length. Computed from two hashes, because the setup of
/// OpenSSL's HMAC takes many times as long.
///
/// Spec: RFC 2104 §2
pub fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let hashed = Zeroizing::new(if key.len() > 64 { sha256(key) } else { [0; 32] });
    let key = if key.len() > 64 { hashed.as_slice() } else { key };
    let keyed = |pad: u8| {
        let mut block = Zeroizing::new([pad; 64]);
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        let mut hash = Sha256::new();
        hash.update(block.as_slice());
        hash
    };
    let (mut inner, mut outer) = (keyed(0x36), keyed(0x5c));
    for part in parts {
        inner.update(part);
    }
    outer.update(&inner.finish());
    outer.finish()
}

/// Compares in constant time; different lengths are different.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && openssl::memcmp::eq(a, b)
}

/// Encodes as unpadded base64url.
pub fn base64url(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// Encodes as lower-case base32: only letters and digits, easy to read aloud and to select.
pub fn base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_lowercase()
}

/// Decodes unpadded base64url, strictly.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

/// A 256-bit secret kept in memory: never printed, wiped when dropped.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// Wraps existing bytes.
    pub fn new(bytes: [u8; 32]) -> Key {
        Key(Zeroizing::new(bytes))
    }

    /// Generates a new key.
    pub fn generate() -> Key {
        Key::new(random())
    }

    /// The bytes, for a cipher; never for a log.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Authenticates the concatenation of `parts` with HMAC-SHA-256.
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        hmac(self.expose(), parts)
    }

    /// Derives `N` bytes for one purpose with HKDF-SHA-256.
    ///
    /// Spec: RFC 5869
    #[expect(clippy::expect_used, reason = "HKDF-SHA-256 cannot fail for outputs this short")]
    pub fn derive<const N: usize>(&self, purpose: &str, salt: &[u8]) -> Zeroizing<[u8; N]> {
        let mut context = PkeyCtx::new_id(Id::HKDF).expect("HKDF");
        context.derive_init().expect("HKDF");
        context.set_hkdf_md(openssl::md::Md::sha256()).expect("SHA-256");
        context.set_hkdf_key(self.expose()).expect("key");
        context.set_hkdf_salt(salt).expect("salt");
        context.add_hkdf_info(purpose.as_bytes()).expect("purpose");
        let mut out = Zeroizing::new([0; N]);
        context.derive(Some(out.as_mut_slice())).expect("derivation");
        out
    }
}

const SALT: usize = 16;
/// The length of a short MAC, in bytes.
pub const TAG: usize = 16;

/// Authenticated encryption: AES-256-GCM, a fresh key for every sealing.
impl Key {
    /// Seals `plain` for one purpose; `bound` is authenticated with it but not included.
    ///
    /// Key and nonce are derived from 16 random bytes in front of the result, so that no number of sealings exhausts the
    /// nonces of one key.
    pub fn seal(&self, purpose: &str, bound: &[u8], plain: &[u8]) -> Vec<u8> {
        let salt: [u8; SALT] = random();
        let derived = self.derive::<44>(purpose, &salt);
        let (key, nonce) = derived.split_at(32);
        let mut tag = [0; TAG];
        #[expect(
            clippy::expect_used,
            reason = "AES-256-GCM with a 32-byte key and a 12-byte nonce cannot fail"
        )]
        let body = encrypt_aead(Cipher::aes_256_gcm(), key, Some(nonce), bound, plain, &mut tag)
            .expect("AES-256-GCM");
        [salt.as_slice(), &body, &tag].concat()
    }

    /// Opens the result of [`Key::seal`] with this key, purpose and `bound`.
    pub fn open(&self, purpose: &str, bound: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (salt, rest) = sealed.split_first_chunk::<SALT>()?;
        let (body, tag) = rest.split_last_chunk::<TAG>()?;
        let derived = self.derive::<44>(purpose, salt);
        let (key, nonce) = derived.split_at(32);
        decrypt_aead(Cipher::aes_256_gcm(), key, Some(nonce), bound, body, tag).ok()
    }
}

/// MAC keys for values that are stored outside: the first makes MACs, those of all are accepted.
#[derive(Clone)]
pub struct MacKeys {
    first: Key,
    others: Vec<Key>,
}

impl MacKeys {
    /// The key that makes MACs, and the others whose MACs are accepted.
    pub fn new(first: Key, others: Vec<Key>) -> MacKeys {
        MacKeys { first, others }
    }

    /// The short MAC of the concatenation of `parts`.
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; TAG] {
        tag(&self.first, parts)
    }

    /// Tells whether `found` is the short MAC of `parts` by any of the keys.
    pub fn accept(&self, parts: &[&[u8]], found: &[u8; TAG]) -> bool {
        let makes = |key: &Key| same(&tag(key, parts), found);
        makes(&self.first) || self.others.iter().any(makes)
    }
}

/// Truncated HMAC-SHA-256.
///
/// Spec: RFC 2104 §5
fn tag(key: &Key, parts: &[&[u8]]) -> [u8; TAG] {
    let mac = key.mac(parts);
    std::array::from_fn(|at| mac.get(at).copied().unwrap_or_default())
}

/// A random 256-bit value for a client or browser: shown once, stored only as its [`TokenHash`].
pub struct Token(Zeroizing<String>);

impl Token {
    /// Generates a token: 43 characters of `[A-Za-z0-9_-]`.
    pub fn generate() -> Token {
        Token(Zeroizing::new(base64url(&random::<32>())))
    }

    /// Generates a client secret. Its prefix is for tools that look for secrets in source code.
    pub fn client_secret() -> Token {
        Token(Zeroizing::new(format!("cs_secret_{}", base64url(&random::<32>()))))
    }

    /// A token that contains other bytes beside the random ones.
    pub fn of(bytes: &[u8]) -> Token {
        Token(Zeroizing::new(base64url(bytes)))
    }

    /// The text, for its recipient.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The hash, for storage.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.expose())
    }
}

/// The SHA-256 of a generated secret, the only form in which it is stored.
#[derive(Clone, Copy, Debug)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Hashes a received value.
    pub fn of(presented: &str) -> TokenHash {
        TokenHash(sha256(presented.as_bytes()))
    }

    /// Parses a stored hash; none unless it has 32 bytes.
    pub fn from_stored(bytes: &[u8]) -> Option<TokenHash> {
        bytes.try_into().ok().map(TokenHash)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Tells, in constant time, whether both hashes are equal.
    pub fn matches(&self, other: &TokenHash) -> bool {
        same(&self.0, &other.0)
    }
}
