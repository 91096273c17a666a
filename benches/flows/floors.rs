//! The costs that no provider can avoid: the signatures of a flow, the hash of a login, an HTTP answer. Each
//! is measured alone, with the same libraries, in the same run.

use std::cell::RefCell;
use std::hint::black_box;
use std::num::NonZero;
use std::thread;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::md::Md;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::{Padding, Rsa};
use openssl::sha::sha256;

use crate::commit::spent;

/// About as long as the signed part of an access token.
const SIGNED: [u8; 640] = [b'x'; 640];

thread_local! {
    static RSA: RefCell<Option<PkeyCtx<Private>>> = const { RefCell::new(None) };
    static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(vec![]) };
}

pub struct Floors {
    rs256: PKey<Private>,
    es256: EcKey<Private>,
}

impl Floors {
    pub fn new() -> Floors {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        Floors {
            rs256: PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap(),
            es256: EcKey::generate(&group).unwrap(),
        }
    }

    pub fn rs256(&self) -> Duration {
        each(500, || {
            RSA.with_borrow_mut(|kept| {
                let context = kept.get_or_insert_with(|| signs_sha256(&self.rs256));
                let mut signature = vec![];
                context.sign_to_vec(&sha256(&SIGNED), &mut signature).unwrap();
                black_box(signature);
            });
        })
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
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        each(20, || {
            MEMORY.with_borrow_mut(|memory| {
                memory.resize(params.block_count(), Block::default());
                let (password, salt) = (b"a password", b"a salt of sixteen");
                argon.hash_password_into_with_memory(password, salt, &mut [0; 32], memory).unwrap();
            });
        })
    }
}

fn signs_sha256(key: &PKey<Private>) -> PkeyCtx<Private> {
    let mut context = PkeyCtx::new(key).unwrap();
    context.sign_init().unwrap();
    context.set_signature_md(Md::sha256()).unwrap();
    context.set_rsa_padding(Padding::PKCS1).unwrap();
    context
}

/// The processor time per call while all processors are busy, as they are on a loaded server.
fn each(times: u32, work: impl Fn() + Sync) -> Duration {
    let alone = || {
        work();
        let before = spent();
        for _ in 0..times {
            work();
        }
        spent().saturating_sub(before) / times
    };
    thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let each: Vec<_> = (0..processors).map(|_| scope.spawn(alone)).collect();
        let spent: Duration = each.into_iter().map(|thread| thread.join().expect("it was measured")).sum();
        spent / u32::try_from(processors).unwrap_or(1)
    })
}
