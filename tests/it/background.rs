//! Background computations, and what they do on a machine without idle time.

use std::thread;
use std::time::{Duration, Instant};

use countersign::background::{Urgency, compute};

/// A thread that is kept waiting stands for a machine without idle time.
#[cfg(target_os = "linux")]
#[test]
fn a_computation_that_gets_no_idle_time_has_a_second_attempt() {
    let patience = Duration::from_millis(50);
    let waits_for_idle_moments = || {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        // Behind the name, which is in brackets: state, …, and as the thirty-ninth the policy; 5 is SCHED_IDLE.
        stat.split_once(") ").unwrap().1.split(' ').nth(38) == Some("5")
    };
    let work = move || {
        while waits_for_idle_moments() {
            thread::park();
        }
    };
    let begun = Instant::now();
    let meanwhile = || assert!(begun.elapsed() < Duration::from_secs(30), "it is begun only once");
    compute(Urgency::Sometime(patience), work, Duration::from_millis(10), meanwhile).unwrap();
    assert!(begun.elapsed() >= patience, "it was not given its time");
}

#[test]
#[should_panic(expected = "no good")]
fn a_panic_reaches_the_one_who_waits() {
    let work = || -> () { panic!("no good") };
    let _never = compute(Urgency::Soon, work, Duration::from_millis(10), || ());
}
