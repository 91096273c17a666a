//! Shutdown: whether it has begun, whether a load balancer watches this node, and how many connections are open.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A node is watched if `/readyz` was requested within this time.
const WATCHING: Duration = Duration::from_secs(60);

/// The shutdown state, one for each provider.
#[derive(Default)]
pub struct Drain {
    begun: AtomicBool,
    asked: Mutex<Option<Instant>>,
    connections: Arc<()>,
}

/// Held by a connection while it is open.
pub struct OpenConnection(#[expect(dead_code, reason = "holding it is its use")] Arc<()>);

impl Drain {
    /// Begins the shutdown: this node is not ready any more, and every answer closes its connection.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Tells whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Records a request for `/readyz`.
    pub fn note_watcher(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Tells whether a load balancer watches this node.
    pub fn is_watched(&self) -> bool {
        let asked = *self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.is_some_and(|asked| asked.elapsed() < WATCHING)
    }

    /// Counts a connection as open until the result is dropped.
    pub fn hold(&self) -> OpenConnection {
        OpenConnection(Arc::clone(&self.connections))
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        Arc::strong_count(&self.connections) - 1
    }
}
