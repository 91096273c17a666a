//! Drives the real server over real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "a test may fail by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod background;
mod browser;
mod cli;
mod client_keys;
mod config;
mod dependencies;
mod documents;
mod endpoints;
mod fire;
mod flows;
mod house;
mod keys;
mod memory;
mod operation;
mod operations;
mod outbound;
mod pages;
mod protocol;
mod prove;
mod secret;
mod specification;
mod state;
mod store;
