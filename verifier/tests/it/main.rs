//! Tests of the verifier: real keys, real signatures, a real HTTP server.
#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

#[cfg(feature = "fetch")]
mod fetch;
mod key_set;
#[cfg(feature = "fetch")]
mod keys_server;
mod check;
mod refusal;
mod signer;
mod tampering;
mod times;
