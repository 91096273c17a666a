//! Whether this process is about to end, who has to hear of it, and what is still open.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How lately somebody must have asked whether this node is ready, to count as watching it.
const WATCHING: Duration = Duration::from_secs(60);

/// One for each process; the server and everything that answers look at the same.
#[derive(Default)]
pub struct Drain {
    begun: AtomicBool,
    asked: Mutex<Option<Instant>>,
    connections: Arc<()>,
}

/// Held by a connection for as long as it is open.
pub struct Held(#[expect(dead_code, reason = "holding it is its use")] Arc<()>);

impl Drain {
    /// Begins: from here on this node is not ready, and every answer ends its connection.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Tells whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Remembers that somebody asked whether this node is ready.
    pub fn note_watcher(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Tells whether somebody sends requests here by what this node says of itself.
    pub fn is_watched(&self) -> bool {
        let asked = *self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.is_some_and(|asked| asked.elapsed() < WATCHING)
    }

    /// Counts one more connection.
    pub fn hold(&self) -> Held {
        Held(Arc::clone(&self.connections))
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        Arc::strong_count(&self.connections) - 1
    }
}
