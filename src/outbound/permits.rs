//! Concurrency limits by key: at most so many permits of each key at a time. A key without permits takes no memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A semaphore for each key in use.
pub(super) struct KeyedPermits {
    most: usize,
    semaphores: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A permit, or the wait for one; released when dropped.
pub(super) struct KeyedPermit {
    permits: Arc<KeyedPermits>,
    key: String,
    /// Both are dropped before the map is checked: then an unused semaphore has no owner but the map.
    semaphore: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl KeyedPermits {
    pub(super) fn new(most: usize) -> Arc<KeyedPermits> {
        Arc::new(KeyedPermits { most, semaphores: Mutex::default() })
    }

    fn semaphores(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.semaphores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn acquire(self: &Arc<KeyedPermits>, key: &str) -> KeyedPermit {
        let new = || Arc::new(Semaphore::new(self.most));
        let semaphore = Arc::clone(self.semaphores().entry(key.to_owned()).or_insert_with(new));
        let (permits, awaited) = (Arc::clone(self), Arc::clone(&semaphore));
        let mut waiting =
            KeyedPermit { permits, key: key.to_owned(), semaphore: Some(semaphore), permit: None };
        waiting.permit = awaited.acquire_owned().await.ok();
        waiting
    }
}

impl Drop for KeyedPermit {
    fn drop(&mut self) {
        (self.permit, self.semaphore) = (None, None);
        let mut semaphores = self.permits.semaphores();
        if semaphores.get(&self.key).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            semaphores.remove(&self.key);
        }
    }
}
