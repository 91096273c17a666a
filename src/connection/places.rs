//! Places for connections, divided so that one network cannot take them all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many connections may be open at a time; what comes later waits to be let in.
pub const MOST_CONNECTIONS: usize = 4096;
/// How many of those one network (IPv4 /24, IPv6 /48) may hold once so many eighths of all are taken. Below half there
/// is no limit: a large office behind one address is no attack. The share falls as places become scarce, so that taking
/// all of them needs 45 networks.
const SHARES: [(usize, usize); 3] = [(7, 16), (6, 64), (4, 256)];

/// All places; a cheap handle.
#[derive(Clone, Default)]
pub struct Places(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    all: usize,
    by_network: HashMap<String, usize>,
}

/// One connection's place, given back when dropped.
pub struct Place {
    places: Places,
    network: String,
}

/// Tells whether one more connection may be taken while so many are open, so many of them from its network.
pub fn has_room(all: usize, of_network: usize) -> bool {
    let share = SHARES.iter().find(|(eighths, _)| all >= MOST_CONNECTIONS / 8 * eighths);
    share.is_none_or(|(_, share)| of_network < *share)
}

impl Places {
    /// Takes a place for a connection from this network; none when the network holds its share and places are scarce.
    pub fn take(&self, network: &str) -> Option<Place> {
        let mut taken = self.lock();
        let of_network = taken.by_network.get(network).copied().unwrap_or_default();
        if !has_room(taken.all, of_network) {
            return None;
        }
        taken.all += 1;
        taken.by_network.insert(network.to_owned(), of_network + 1);
        Some(Place { places: self.clone(), network: network.to_owned() })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        if let Some(of_network) = taken.by_network.get_mut(&self.network) {
            *of_network -= 1;
            if *of_network == 0 {
                taken.by_network.remove(&self.network);
            }
        }
    }
}
