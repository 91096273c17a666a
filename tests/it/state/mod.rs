//! What passes: one contract, the same on every store.

mod contract;
mod outages;
mod recovery;
mod sessions;
mod tls;
