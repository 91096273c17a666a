//! Background computations: threads of low priority, so that requests come first on a busy machine.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;
use std::sync::mpsc::channel;
use std::thread::Builder;
use std::time::{Duration, Instant};

/// The priority of a background computation.
#[derive(Clone, Copy)]
pub enum Urgency {
    /// A request or a start waits for it: niceness 5.
    Soon,
    /// It can wait: it runs on idle processors and is preempted at once. Because a busy machine has no idle time, a second
    /// attempt as [`Urgency::Soon`] starts after this time.
    Sometime(Duration),
}

/// Computes on a background thread and waits for the result; calls `meanwhile` once per `every` until then. The
/// computation may run twice, and the first result counts. Fails if no thread can be started; panics if the
/// computation does.
pub fn compute<T: Send + 'static>(
    urgency: Urgency,
    work: impl Fn() -> T + Copy + Send + 'static,
    every: Duration,
    meanwhile: impl Fn(),
) -> io::Result<T> {
    let (done, over) = channel();
    let start = |urgency| {
        let done = done.clone();
        let computation = move || {
            lower_priority(urgency);
            // The receiver is gone if the other attempt was faster.
            let _slower = done.send(catch_unwind(AssertUnwindSafe(work)));
        };
        // Detached: the end of the process does not wait for it.
        Builder::new().name("background".into()).spawn(computation).map(drop)
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

/// Lowers the priority of this thread. A failure is logged once.
pub fn lower_priority(urgency: Urgency) {
    static LOGGED: Once = Once::new();
    if let Err(error) = set_priority(urgency) {
        LOGGED.call_once(|| {
            tracing::warn!(%error, "the priority of background threads cannot be lowered: requests may have to wait for them");
        });
    }
}

/// Spec: sched(7)
#[cfg(target_os = "linux")]
fn set_priority(urgency: Urgency) -> Result<(), rustix::io::Errno> {
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

/// Other systems apply a niceness to the whole process.
#[cfg(not(target_os = "linux"))]
fn set_priority(_: Urgency) -> Result<(), std::convert::Infallible> {
    Ok(())
}
