//! Long computations that step aside: on a machine with too much to do, requests come first.

use std::panic::resume_unwind;
use std::thread;

/// The niceness of what somebody waits for, if not as urgently as for everything else.
pub const SOON: i32 = 5;
/// The niceness of what nobody waits for: it takes what is left over.
const SOMETIME: i32 = 19;

/// Computes what is not needed soon on a thread of its own that steps aside for everything, and waits for it.
pub fn compute<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let stepping_aside = || {
        step_aside(SOMETIME);
        work()
    };
    thread::scope(|scope| scope.spawn(stepping_aside).join().unwrap_or_else(|panic| resume_unwind(panic)))
}

/// Lets everything else come before this thread from now on, the more the higher `niceness` is.
pub fn step_aside(niceness: i32) {
    #[cfg(target_os = "linux")] // Elsewhere it would slow the whole process down.
    if let Err(error) = rustix::process::nice(niceness) {
        tracing::debug!(%error, "long computations have the priority of everything else");
    }
}
