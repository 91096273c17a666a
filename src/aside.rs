//! Long computations that step aside: on a machine with too much to do, requests come first.

use std::io;
use std::panic::resume_unwind;
use std::sync::Once;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::{self, Builder};
use std::time::Duration;

/// Who waits for a long computation.
#[derive(Clone, Copy)]
pub enum Urgency {
    /// Somebody does, if not as urgently as for everything else.
    Soon,
    /// Nobody does: it gets what is left over, and gives a processor back the moment it is wanted.
    Sometime,
}

/// Computes on a thread of its own that steps aside, and waits for it; `meanwhile` is called as often as
/// `every` says until it is done, which may take long on a machine that has no time left over.
pub fn compute<T: Send>(
    urgency: Urgency,
    work: impl FnOnce() -> T + Send,
    every: Duration,
    meanwhile: impl Fn(),
) -> io::Result<T> {
    let (under_way, over) = channel::<()>();
    let stepping_aside = move || {
        step_aside(urgency);
        let done = work();
        drop(under_way); // which tells the one who waits; so does a panic
        done
    };
    thread::scope(|scope| {
        let thread = Builder::new().name("stepping aside".into()).spawn_scoped(scope, stepping_aside)?;
        while over.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
            meanwhile();
        }
        Ok(thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Lets everything else come before this thread from now on.
pub fn step_aside(urgency: Urgency) {
    static TOLD: Once = Once::new();
    if let Err(error) = give_way(urgency) {
        TOLD.call_once(|| {
            tracing::warn!(%error, "long computations cannot step aside: requests may have to wait for them");
        });
    }
}

/// Spec: sched(7)
#[cfg(target_os = "linux")]
fn give_way(urgency: Urgency) -> Result<(), rustix::io::Errno> {
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id,
    };
    let niceness = match urgency {
        Urgency::Soon => 5,
        Urgency::Sometime => {
            let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
            if set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle).is_ok() {
                return Ok(());
            }
            19
        }
    };
    rustix::process::nice(niceness).map(drop)
}

/// Elsewhere a niceness would slow the whole process down.
#[cfg(not(target_os = "linux"))]
fn give_way(_: Urgency) -> Result<(), std::convert::Infallible> {
    Ok(())
}
