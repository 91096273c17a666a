//! Repeats an operation over several connections, and measures it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::http::Connection;
use crate::operations::Operation;
use crate::provider::Provider;

/// How many connections are used at once.
pub const CONNECTIONS: usize = 8;

/// The cost of one operation, in one round.
#[derive(Clone, Copy, Default)]
pub struct Cost {
    /// Processor time per operation, of every process that was counted.
    pub cpu: Duration,
    /// That of the provider alone.
    pub server: Duration,
    /// The 99th percentile of the time until the answer was there.
    pub p99: Duration,
    /// Operations per second.
    pub rate: f64,
}

/// One round of an operation: the processor time of the provider and of its stores.
pub fn cost(provider: &Provider, operation: &Operation, scale: usize) -> Cost {
    let times = (operation.times / scale).max(1);
    let connections = operation.connections.unwrap_or(CONNECTIONS);
    let work = |link: &mut Connection, number: usize| (operation.work)(provider, link, number);
    spread(provider.port, connections, times / 10, work);
    let server = provider.process().cpu();
    let mut cost = timed(provider.port, || provider.cpu(), connections, times, work);
    cost.server = provider.process().cpu().saturating_sub(server) / u32::try_from(times).unwrap();
    cost
}

/// The processor time per operation, as `cpu` tells it before and after.
pub fn timed(
    port: u16,
    cpu: impl Fn() -> Duration,
    connections: usize,
    times: usize,
    work: impl Fn(&mut Connection, usize) + Sync,
) -> Cost {
    let (before, begun) = (cpu(), Instant::now());
    let mut took = spread(port, connections, times, work);
    let rate = times as f64 / begun.elapsed().as_secs_f64();
    let cpu = cpu().saturating_sub(before) / u32::try_from(times).unwrap();
    took.sort_unstable();
    let p99 = took.get(took.len() * 99 / 100).or(took.last()).copied().unwrap_or_default();
    Cost { cpu, server: cpu, p99, rate }
}

/// Does something so many times, over several kept connections at once; answers how long each took.
pub fn spread(
    port: u16,
    connections: usize,
    times: usize,
    work: impl Fn(&mut Connection, usize) + Sync,
) -> Vec<Duration> {
    let (next, taken) = (AtomicUsize::new(0), Mutex::new(vec![]));
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let (mut link, mut mine) = (Connection::open(port), vec![]);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= times {
                        break;
                    }
                    let begun = Instant::now();
                    work(&mut link, number);
                    // A load without an end keeps no durations.
                    if times != usize::MAX {
                        mine.push(begun.elapsed());
                    }
                }
                taken.lock().unwrap().extend(mine);
            });
        }
    });
    taken.into_inner().unwrap()
}
