//! Checks tokens of a Countersign issuer offline, right by default.
#![cfg_attr(feature = "fetch", doc = "")]
#![cfg_attr(feature = "fetch", doc = include_str!("../README.md"))]

mod check;
mod claims;
#[cfg(feature = "fetch")]
mod fetch;
mod json;
mod key_set;
mod refusal;

pub use check::{BoundTokens, Check, Decoded, TokenKind, decode_unverified, verify};
pub use claims::Claims;
#[cfg(feature = "fetch")]
pub use fetch::{BuildError, FetchError, Verifier, VerifierBuilder, VerifyError};
pub use key_set::{Algorithm, KeySet, KeySetError};
pub use refusal::{Part, Refusal, bearer_token};
