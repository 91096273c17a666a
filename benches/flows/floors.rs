//! What no provider can do without: the signatures of a flow, the hash of a login, an HTTP answer. Each
//! is measured alone, through the same libraries, in the same run.

use std::fs;
use std::hint::black_box;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use josekit::jws::{JwsSigner, RS256};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sha::sha256;

/// About as long as what is signed in an access token.
const SIGNED: [u8; 640] = [b'x'; 640];

pub struct Floors {
    rs256: Box<dyn JwsSigner>,
    es256: EcKey<Private>,
}

impl Floors {
    pub fn new() -> Floors {
        let rsa = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap().private_key_to_pkcs8().unwrap();
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        Floors {
            rs256: Box::new(RS256.signer_from_der(rsa).unwrap()),
            es256: EcKey::generate(&group).unwrap(),
        }
    }

    pub fn rs256(&self) -> Duration {
        each(500, || drop(black_box(self.rs256.sign(&SIGNED).unwrap())))
    }

    pub fn es256(&self) -> Duration {
        each(5000, || drop(black_box(EcdsaSig::sign(&sha256(&SIGNED), &self.es256).unwrap())))
    }

    pub fn es256_verified(&self) -> Duration {
        let signature = EcdsaSig::sign(&sha256(&SIGNED), &self.es256).unwrap();
        each(2000, || assert!(black_box(signature.verify(&sha256(&SIGNED), &self.es256).unwrap())))
    }

    pub fn argon2() -> Duration {
        let params = Params::new(19 * 1024, 2, 1, None).unwrap();
        let mut memory = vec![Block::default(); params.block_count()];
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut out = [0; 32];
        each(20, || {
            argon
                .hash_password_into_with_memory(
                    b"a password",
                    b"a salt of sixteen",
                    &mut out,
                    &mut memory[..],
                )
                .unwrap();
        })
    }
}

/// The processor time of this thread per call.
fn each(times: u32, mut work: impl FnMut()) -> Duration {
    let spent = || {
        let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
        Duration::from_nanos(stat.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds"))
    };
    work();
    let before = spent();
    for _ in 0..times {
        work();
    }
    spent().saturating_sub(before) / times
}
