//! Long computations that step aside: on a machine with too much to do, requests come first.

use std::panic::resume_unwind;
use std::thread;

/// Computes on a thread of its own that steps aside, and waits for it.
pub fn compute<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let stepping_aside = || {
        step_aside();
        work()
    };
    thread::scope(|scope| scope.spawn(stepping_aside).join().unwrap_or_else(|panic| resume_unwind(panic)))
}

/// Lets everything else come before this thread from now on.
pub fn step_aside() {
    #[cfg(target_os = "linux")] // Elsewhere it would slow the whole process down.
    if let Err(error) = rustix::process::nice(5) {
        tracing::debug!(%error, "long computations have the priority of everything else");
    }
}
