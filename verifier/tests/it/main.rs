//! Tests of the verifier: real keys, real signatures, a real HTTP server.
#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod challenges;
#[cfg(feature = "fetch")]
mod fetching;
mod key_sets;
#[cfg(feature = "fetch")]
mod keys_server;
mod refusals;
mod signer;
mod tampering;
mod times;
