//! Long computations that step aside: on a machine with too much to do, requests come first.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;
use std::sync::mpsc::channel;
use std::thread::Builder;
use std::time::{Duration, Instant};

/// Who waits for a long computation.
#[derive(Clone, Copy)]
pub enum Urgency {
    /// Somebody does, if not as urgently as for everything else.
    Soon,
    /// Nobody does: it gets what is left over, and gives a processor back the moment it is wanted. A machine
    /// may have nothing left over, so it is begun once more after this time, as if somebody waited.
    Sometime(Duration),
}

/// Computes on a thread of its own that steps aside, and waits for it; `meanwhile` is called as often as
/// `every` says until it is done, which may take long on a machine that is busy. The computation may be
/// begun twice, and the first result counts.
pub fn compute<T: Send + 'static>(
    urgency: Urgency,
    work: impl Fn() -> T + Copy + Send + 'static,
    every: Duration,
    meanwhile: impl Fn(),
) -> io::Result<T> {
    let (done, over) = channel();
    let start = |urgency| {
        let done = done.clone();
        let stepping_aside = move || {
            step_aside(urgency);
            // Nobody listens any more to the slower one of two.
            let _slower = done.send(catch_unwind(AssertUnwindSafe(work)));
        };
        // The thread is no reason for the process not to end.
        Builder::new().name("stepping aside".into()).spawn(stepping_aside).map(drop)
    };
    start(urgency)?;
    let begun = Instant::now();
    let mut patience = match urgency {
        Urgency::Soon => None,
        Urgency::Sometime(patience) => Some(patience),
    };
    loop {
        if let Ok(done) = over.recv_timeout(every) {
            return Ok(done.unwrap_or_else(|panic| resume_unwind(panic)));
        }
        if patience.is_some_and(|patience| begun.elapsed() >= patience) {
            start(Urgency::Soon)?;
            patience = None;
        }
        meanwhile();
    }
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
        Urgency::Sometime(_) => {
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
