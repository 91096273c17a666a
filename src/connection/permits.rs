//! Connection permits, shared out so that one network cannot take them all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The maximum number of open connections; later ones wait until they are accepted.
pub const MOST_CONNECTIONS: usize = 4096;
/// How many permits one network (IPv4 /24, IPv6 /48) may hold once so many eighths of all are taken. Below half there
/// is no limit: a large office behind one address is no attack. The share falls as permits become scarce, so that
/// taking all of them needs 45 networks.
const SHARES: [(usize, usize); 3] = [(7, 16), (6, 64), (4, 256)];

/// All permits; a cheap handle.
#[derive(Clone, Default)]
pub struct Permits(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    all: usize,
    by_network: HashMap<String, usize>,
}

/// The permit of one connection, given back when dropped.
pub struct Permit {
    permits: Permits,
    network: String,
}

/// Tells whether one more connection may be opened, when `all` are open and `of_network` of these are from its
/// network.
pub fn has_room(all: usize, of_network: usize) -> bool {
    let share = SHARES.iter().find(|(eighths, _)| all >= MOST_CONNECTIONS / 8 * eighths);
    share.is_none_or(|(_, share)| of_network < *share)
}

impl Permits {
    /// Takes a permit for a connection from this network; none when permits are scarce and the network holds its share.
    pub fn take(&self, network: &str) -> Option<Permit> {
        let mut taken = self.lock();
        let of_network = taken.by_network.get(network).copied().unwrap_or_default();
        if !has_room(taken.all, of_network) {
            return None;
        }
        taken.all += 1;
        taken.by_network.insert(network.to_owned(), of_network + 1);
        Some(Permit { permits: self.clone(), network: network.to_owned() })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut taken = self.permits.lock();
        taken.all -= 1;
        if let Some(of_network) = taken.by_network.get_mut(&self.network) {
            *of_network -= 1;
            if *of_network == 0 {
                taken.by_network.remove(&self.network);
            }
        }
    }
}
