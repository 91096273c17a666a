//! What passes: one contract, the same on every store.

use countersign::protocol::lifetimes::Lifetimes;
use countersign::secret::{Key, MacKeys};
use countersign::state::State;
use countersign::state::kv::Kv;

mod access_tokens;
mod assertions;
mod checkpoints;
mod contract;
mod device_codes;
mod failures;
mod forged;
mod outages;
mod parked;
mod passing;
mod recovery;
mod sessions;
mod spent;
mod tls;

/// The drawers of a store under these lifetimes, with keys that all tests share.
fn state_for(kv: &Kv, lifetimes: &Lifetimes) -> State {
    State::new(kv, MacKeys::new(Key::new([7; 32]), vec![]), lifetimes)
}

/// The same under the usual lifetimes.
fn state(kv: &Kv) -> State {
    state_for(kv, &Lifetimes::default())
}
