//! Secrets in memory: they are wiped, not only forgotten. The memory of this very process is looked at, where they were.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::os::unix::fs::FileExt;

use actix_web::web::Bytes;
use countersign::protocol::params::Params;
use countersign::web::body::Body;

const SECRET: &str = "wistful otter paints ";

fn secret() -> String {
    SECRET.repeat(20)
}

/// What stands at an address of this process.
fn at(address: usize, length: usize) -> Vec<u8> {
    let mut found = vec![0; length];
    File::open("/proc/self/mem").unwrap().read_exact_at(&mut found, address as u64).unwrap();
    found
}

/// Looks at the place of a secret while its owner lives and when it is gone.
#[track_caller]
fn is_wiped_with<T>(owner: T, secret: impl Fn(&T) -> &[u8]) {
    let (address, length) = (secret(&owner).as_ptr().addr(), secret(&owner).len());
    let holds_it = || at(address, length).windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
    assert!(holds_it(), "the place is the right one");
    drop(owner);
    assert!(!holds_it(), "it is still there");
}

#[test]
fn passwords_and_secrets_among_parameters_are_wiped() {
    for name in ["password", "client_secret"] {
        let form = format!("username=ada&{name}={}", secret().replace(' ', "+"));
        let params = Params::parse(form.as_bytes(), &["username", "password", "client_secret"]).unwrap();
        is_wiped_with(params, |params| params.get(name).unwrap().as_bytes());
    }
}

#[test]
fn the_body_of_a_request_is_wiped() {
    is_wiped_with(Body::from(Bytes::from(secret().into_bytes())), |body| body.bytes().unwrap());
}
